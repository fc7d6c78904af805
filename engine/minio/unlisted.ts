/**
 * Servers leave objects out of their lists, also in the middle. So what an earlier backup has, and the list has not, is asked for by
 * itself before it counts as gone.
 */
import { shownName, type EntryFacts, type TreeEntry } from '../tree';
import type { Bucket } from './client';
import { stateOf } from './state';
import { titleOf, type EntryVersion } from './versions';

const NAMES_TOLD = 20;

export class UnlistedObjects {
	#count = 0;
	readonly #names: string[] = [];

	constructor(private readonly bucket: Bucket) {}

	/** An object as it is now; undefined where it is gone. @throws BackupError */
	async find(known: TreeEntry, signal: AbortSignal): Promise<EntryFacts | undefined> {
		const { name, modified } = known;
		const head = await this.bucket.head(name, signal);
		if (!head) return undefined;
		this.#note(name);
		const { size, etag, modifiedAt } = head;
		// Lists tell times to the millisecond, answers to the second.
		const knownAt = Number(modified / 1_000_000n);
		const isOfSameTime = Math.floor(knownAt / 1000) === Math.floor(modifiedAt / 1000);
		const at = isOfSameTime && known.state === stateOf(etag, knownAt) ? knownAt : modifiedAt;
		return { name, type: 'file', size, modified: BigInt(at) * 1_000_000n, state: stateOf(etag, at) };
	}

	/** A version, which never changes; undefined where it is gone, or is the current object. @throws BackupError */
	async findVersion(
		known: TreeEntry,
		{ key, versionId }: EntryVersion,
		signal: AbortSignal,
	): Promise<EntryFacts | undefined> {
		const head = await this.bucket.head(key, signal, versionId);
		// The version `null` may be another one by now.
		if (head?.etag !== known.attributes?.['etag']) return undefined;
		if ((await this.bucket.head(key, signal))?.versionId === versionId) return undefined;
		this.#note(titleOf(known.name));
		const { sha256: _hash, content: _place, changed: _changed, ...facts } = known;
		return facts;
	}

	#note(title: string): void {
		this.#count++;
		if (this.#names.length < NAMES_TOLD) this.#names.push(shownName(title));
	}

	/** A whole sentence, where there were any. */
	get warnings(): string[] {
		if (this.#count === 0) return [];
		const them =
			this.#count === 1
				? 'object is in the bucket although its list leaves it out'
				: 'objects are in the bucket although its list leaves them out';
		// Their answers come in any order.
		const names = [...this.#names].sort();
		const more = this.#count > names.length ? ` and ${this.#count - names.length} more` : '';
		return [
			`${this.#count} ${them}: ${names.join(', ')}${more}. They were backed up; of objects that are new it may have left out others.`,
		];
	}
}
