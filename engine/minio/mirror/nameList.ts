/** Names in order, packed: a million of them take some megabytes, for neighbours share most of their letters. */
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';

const BLOCK_BYTES = 256 * 1024;

export interface Extra {
	name: string;
	size: number;
	writtenVersion: string;
}

export class NameList {
	count = 0;
	bytes = 0;
	readonly #blocks: Buffer[] = [];
	#lines: string[] = [];
	#length = 0;

	add({ name, size, writtenVersion }: Extra): void {
		const line = JSON.stringify([name, size, writtenVersion]);
		this.#lines.push(line);
		this.#length += line.length;
		this.count++;
		this.bytes += size;
		if (this.#length < BLOCK_BYTES) return;
		this.#blocks.push(zstdCompressSync(this.#lines.join('\n')));
		this.#lines = [];
		this.#length = 0;
	}

	*[Symbol.iterator](): Generator<Extra, void, undefined> {
		for (const block of this.#blocks) yield* parsed(zstdDecompressSync(block).toString().split('\n'));
		yield* parsed(this.#lines);
	}
}

function* parsed(lines: readonly string[]): Generator<Extra, void, undefined> {
	for (const line of lines) {
		const [name, size, writtenVersion] = JSON.parse(line) as [string, number, string];
		yield { name, size, writtenVersion };
	}
}
