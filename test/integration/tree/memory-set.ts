/** A set whose entries are in memory: for what a real folder or bucket cannot do on demand. */
import { createHash } from 'node:crypto';

import { compareNames, type EntryFacts, type TreeEntry, type TreeSource, type TreeTarget } from '../../../engine/tree';

export type Contents = Map<string, Buffer>;

/** Files alone; a file's state is the hash of its content. */
export class MemorySource implements TreeSource {
	/** Names of files that were opened. */
	readonly opened: string[] = [];

	constructor(readonly contents: Contents) {}

	async *entries(): AsyncGenerator<EntryFacts> {
		for (const name of [...this.contents.keys()].sort(compareNames)) yield await Promise.resolve(this.factsOf(name));
	}

	async open({ name }: EntryFacts) {
		const content = this.contents.get(name);
		if (!content) return await Promise.resolve({ leftOut: 'it is gone' });
		this.opened.push(name);
		return {
			facts: this.factsOf(name),
			bytes: this.bytesOf(content),
			isUnchanged: () => Promise.resolve(true),
			close: () => Promise.resolve(),
		};
	}

	protected async *bytesOf(content: Buffer): AsyncGenerator<Uint8Array> {
		for (let at = 0; at < content.length; at += 100_000) {
			yield await Promise.resolve(Buffer.from(content.subarray(at, at + 100_000)));
		}
	}

	protected factsOf(name: string): EntryFacts {
		const content = this.contents.get(name)!;
		const state = createHash('md5').update(content).digest('hex');
		return { name, type: 'file', size: content.length, modified: 1_700_000_000_123_456_789n, state };
	}
}

const OLDER = '\udcff';
/** Comes before all that names go on with, so that these are in the order of the former ones. */
const NUMBER = '\u0001';

/** What is overwritten or removed stays in the set under another name, as older versions of objects do. */
export class VersionedSource extends MemorySource {
	readonly former = {
		nameOf: ({ name }: EntryFacts) => (name.startsWith(OLDER) ? name.slice(1, name.lastIndexOf(NUMBER)) : undefined),
		knownAs: ({ state }: EntryFacts, found: TreeEntry) => (found.state === state ? found : undefined),
	};

	static change(contents: Contents, name: string, content: Buffer | undefined): void {
		const old = contents.get(name);
		if (old) contents.set(`${OLDER}${name}${NUMBER}${String(contents.size).padStart(6, '0')}`, old);
		if (content) contents.set(name, content);
		else contents.delete(name);
	}
}

export class MemoryTarget implements TreeTarget {
	readonly contents: Contents = new Map();

	async look({ name, sha256 }: TreeEntry) {
		const content = this.contents.get(name);
		if (!content) return await Promise.resolve('nothing' as const);
		return createHash('sha256').update(content).digest('hex') === sha256 ? 'same' : 'other';
	}

	async writeFile({ name }: TreeEntry, content: AsyncIterable<Uint8Array>) {
		const pieces: Uint8Array[] = [];
		for await (const piece of content) pieces.push(piece);
		this.contents.set(name, Buffer.concat(pieces));
	}

	async make() {
		await Promise.reject(new Error('There are files alone.'));
	}
}
