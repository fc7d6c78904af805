/**
 * Lists that come page by page. The cursors of n8n are offsets under another name, so what is deleted between two pages moves
 * all that follows one place forward, and the next page would begin one too late: an entry that was there all the time is
 * never seen. So each page begins with the last entry of the one before it, and where it does not, the page is asked for
 * further ahead until one begins with a known entry. In an order that does not change, nothing that was there from the
 * beginning to the end can be missed then.
 */
import { AnswerTooLong, N8nFailure } from './failure';

/** A page as n8n answers it. */
export interface Page<T> {
	data: readonly T[];
	nextCursor?: string | null | undefined;
}

/** Asks for a page: of so many entries at most, from a cursor on. @throws AnswerTooLong */
export type AskPage<T> = (query: { limit: string; cursor?: string }) => Promise<Page<T>>;

/** Of fewer, a page that begins with a known entry would bring nothing new. */
const SMALLEST_PAGE = 2;
/** Pages in a row that bring nothing new, beyond those of all that is known already. */
const BARREN_PAGES = 100;

/**
 * Hands out every entry once, in the order of the server.
 * @param size Entries of a page; n8n gives 250 at most. Where a page is too long to be read, it is asked for with fewer.
 * @throws N8nFailure for a list that never ends; what `ask` throws
 */
export async function* entriesOf<T extends { id: string }>(ask: AskPage<T>, size: number): AsyncGenerator<T> {
	yield* new Listing(ask, Math.max(size, SMALLEST_PAGE)).entries();
}

class Listing<T extends { id: string }> {
	readonly #known = new Set<string>();
	#barren = 0;

	constructor(
		private readonly ask: AskPage<T>,
		private size: number,
	) {}

	async *entries(): AsyncGenerator<T> {
		let page = await this.#page(0);
		for (;;) {
			const before = this.#known.size;
			for (const entry of page.data) {
				if (this.#known.has(entry.id)) continue;
				this.#known.add(entry.id);
				yield entry;
			}
			const { nextCursor } = page;
			if (nextCursor === null || nextCursor === undefined || nextCursor === '') return;
			this.#assertProgress(before);
			page = await this.#after(nextCursor);
		}
	}

	/** The page that begins with an entry that is known. */
	async #after(nextCursor: string): Promise<Page<T>> {
		const next = offsetIn(nextCursor);
		// Another form of cursor than any n8n has today: nothing is known of it but that it leads on.
		if (next === undefined) return await this.ask({ limit: String(this.size), cursor: nextCursor });
		for (let back = 1; ; back *= 2) {
			const offset = Math.max(0, next - back);
			const page = await this.#page(offset);
			const [first] = page.data;
			if (offset === 0 || (first && this.#known.has(first.id))) return page;
		}
	}

	async #page(offset: number): Promise<Page<T>> {
		for (;;) {
			const limit = String(this.size);
			try {
				return await this.ask(offset === 0 ? { limit } : { limit, cursor: cursorAt(offset, this.size) });
			} catch (error) {
				if (!(error instanceof AnswerTooLong) || this.size <= SMALLEST_PAGE) throw error;
				this.size = Math.max(SMALLEST_PAGE, Math.floor(this.size / 4));
			}
		}
	}

	#assertProgress(before: number): void {
		this.#barren = this.#known.size > before ? 0 : this.#barren + 1;
		if (this.#barren <= BARREN_PAGES + this.#known.size / SMALLEST_PAGE) return;
		throw new N8nFailure('its list goes on without end and brings nothing new', { status: 200, isForeign: true });
	}
}

function cursorAt(offset: number, limit: number): string {
	return Buffer.from(JSON.stringify({ limit, offset })).toString('base64');
}

function offsetIn(cursor: string): number | undefined {
	try {
		const { offset } = JSON.parse(Buffer.from(cursor, 'base64').toString('utf8')) as { offset?: unknown };
		return typeof offset === 'number' && Number.isSafeInteger(offset) && offset >= 0 ? offset : undefined;
	} catch {
		return undefined;
	}
}
