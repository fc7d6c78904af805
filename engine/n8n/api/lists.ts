/** Lists of the API, page by page. */
import type { Shape } from './answers';
import type { Call, Caller } from './caller';
import { AnswerTooLong, explain, failureOf, type Role } from './failure';
import { type AskPage, entriesOf, type Page } from './pages';

const MIB = 1024 * 1024;
/** A list of workflows holds them whole, and what is published of them once more. */
export const PAGE_BYTES = 32 * MIB;
/** n8n takes what has 16 MiB (N8N_PAYLOAD_SIZE_MAX); a workflow comes with what is published of it. */
export const ENTRY_BYTES = 96 * MIB;
const NAMES_OF_PAGE = 250;

/** How a list is asked for. */
export interface ListCall extends Call {
	/** Entries of a page; 250 by default, which is the most that n8n gives. */
	size?: number;
}

/** Hands out each entry of a list once. @throws BackupError CANCELLED, ACCESS_DENIED, SOURCE_* or TARGET_* */
export async function* entriesBy<T extends { id: string }>(
	{ caller, role }: { caller: Caller; role: Role },
	{ size = NAMES_OF_PAGE, ...call }: ListCall,
	shape: Shape<Page<T>>,
): AsyncGenerator<T> {
	const ask: AskPage<T> = async (page) => {
		const limit = Number(page.limit) <= 2 ? 2 * ENTRY_BYTES : PAGE_BYTES;
		return await asked(caller.ask({ ...call, query: { ...call.query, ...page }, limit }, shape));
	};
	try {
		yield* entriesOf(ask, size);
	} catch (error) {
		throw explain(error, { ...call, role, server: caller.server });
	}
}

/** What is too long to be read comes as AnswerTooLong, so that less can be asked for. */
export async function asked<T>(answer: Promise<T>): Promise<T> {
	try {
		return await answer;
	} catch (error) {
		const failure = failureOf(error);
		throw failure instanceof AnswerTooLong ? failure : error;
	}
}
