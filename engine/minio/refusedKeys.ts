/** Objects of a backup whose keys the server does not take, which keep no other from being restored. */
import { BackupError } from '../errors';
import type { KeyNotTaken } from './client';

/** Names that are kept: who asks of more than that takes them for objects that went missing. */
const MOST_NAMES = 10_000;

export class RefusedKeys {
	#first: KeyNotTaken | undefined;
	#count = 0;
	readonly #names = new Set<string>();

	/** @param name of the entry */
	add(name: string, error: KeyNotTaken): void {
		this.#first ??= error;
		this.#count++;
		if (this.#names.size < MOST_NAMES) this.#names.add(name);
	}

	has(name: string): boolean {
		return this.#names.has(name);
	}

	/** When all others were written. @throws BackupError INVALID_INPUT where there are any */
	assertNone(): void {
		const first = this.#first;
		if (!first) return;
		const more = this.#count - 1;
		const others =
			more === 0 ? '' : more === 1 ? ' So it is with 1 other object.' : ` So it is with ${more} other objects.`;
		throw new BackupError('INVALID_INPUT', `${first.message}${others} Everything else was restored.`, {
			cause: first,
			hint: first.hint ?? '',
			details: { notRestored: this.#count },
		});
	}
}
