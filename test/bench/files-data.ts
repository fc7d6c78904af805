/**
 * Folders to back up, like those that people have: installed packages (sources, declarations, source maps, metadata), configuration,
 * documents that are compressed already, and a model, whose numbers hardly compress. The same at every run with the same seed.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { noise } from '../random/bytes';

const WORDS = 6000;
const SECTION_BYTES = 8 * 1024 * 1024;

/** Numbers from 0 to 1, of which as many as are wanted come from one stream of noise. */
function numbers(name: string): () => number {
	const random = noise(name);
	let block = random(65536);
	let at = 0;
	return () => {
		if (at + 4 > block.length) {
			block = random(65536);
			at = 0;
		}
		at += 4;
		return block.readUInt32LE(at - 4) / 2 ** 32;
	};
}

/** Text of lines of words, few of which are most of it, as in programs: zstd makes about a fifth of it. */
function textOf(random: () => number): (length: number) => string {
	const letters = 'etaoinshrdlucmfwypvbgkjqxz';
	const word = () =>
		Array.from({ length: 2 + Math.floor(random() * 9) }, () => letters[Math.floor(random() ** 2 * 26)]).join('');
	const words = Array.from({ length: WORDS }, word);
	const ends = [' ', ' ', ' ', '.', '(', ') ', ', ', ' = ', ';\n\t', '; ', ' {\n\t\t', '}\n'];
	return (length) => {
		const pieces: string[] = [];
		for (let size = 0; size < length;) {
			const piece = words[Math.floor(random() ** 4 * WORDS)]! + ends[Math.floor(random() * ends.length)]!;
			pieces.push(piece);
			size += piece.length;
		}
		return pieces.join('').slice(0, length);
	};
}

/** What is in the folder of a package, by how often. */
const SORTS = [
	{ share: 0.55, ending: '.js', median: 2500 },
	{ share: 0.75, ending: '.d.ts', median: 900 },
	{ share: 0.9, ending: '.js.map', median: 4000 },
	{ share: 0.96, ending: '.json', median: 1200 },
	{ share: 1, ending: '.md', median: 3000 },
];

/** Fills a folder with so many small files, some 15 kB each on the average; returns their bytes. */
export function fillWithSmall(root: string, files: number): number {
	const random = numbers('bench/files/small');
	const text = textOf(random);
	const content = noise('bench/files/documents');
	// As in packages: most are near the median, and a few are hundreds of times as large.
	const sizeOf = (median: number) => Math.floor(median * Math.exp((random() + random() + random() - 1.5) * 4));
	let bytes = 0;
	const write = (file: string, data: string | Buffer) => {
		writeFileSync(file, data);
		bytes += data.length;
	};
	let written = 0;
	for (let number = 0; written < files; number++) {
		const folder = path.join(root, 'app/node_modules', `package-${number}`);
		const inside = Math.min(files - written, 1 + Math.floor(random() ** 2 * 90));
		for (let index = 0; index < inside; index++) {
			const below = index % 8 === 0 ? path.join(folder, 'dist', `part-${index}`) : folder;
			if (index % 8 < 2) mkdirSync(below, { recursive: true });
			const kind = random();
			const { ending, median } = SORTS.find(({ share }) => kind < share)!;
			write(path.join(below, `file-${index}${ending}`), text(sizeOf(median)));
		}
		written += inside;
	}
	// A twentieth as many are configuration and documents.
	for (let index = 0; index < files / 20; index++) {
		const folder = path.join(root, index % 2 ? 'configuration' : 'documents', `group-${index % 40}`);
		mkdirSync(folder, { recursive: true });
		if (index % 2) write(path.join(folder, `service-${index}.yaml`), text(sizeOf(800)));
		else write(path.join(folder, `report ${index}.pdf`), content(sizeOf(30_000)));
	}
	return bytes;
}

/** So many files of as many MiB each: models, and a mail archive, of which half is text; returns their bytes. */
export function fillWithLarge(root: string, files: number, mebibytes: number): number {
	const text = textOf(numbers('bench/files/large'));
	const random = noise('bench/files/model');
	const section = Buffer.from(text(SECTION_BYTES), 'latin1');
	mkdirSync(root, { recursive: true });
	for (let index = 0; index < files; index++) {
		const file = path.join(root, index % 2 ? `mail-${index}.mbox` : `model-${index}.gguf`);
		for (let done = 0; done < mebibytes; done += 8) {
			const block = random(SECTION_BYTES);
			// Other text in each section, so that no two are the same.
			if (index % 2) section.copy(block, 0, 0, SECTION_BYTES / 2);
			else for (let at = 3; at < block.length; at += 4) block[at] = 0x3c + (block[at]! & 3);
			writeFileSync(file, block, { flag: 'a' });
		}
	}
	return files * mebibytes * 1024 * 1024;
}
