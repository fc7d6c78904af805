import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const YEARS = [2024, 2025, 2026];
const PER_YEAR = 40;

/** Writes folders of offers and contracts; answers the folder. */
export function createDocuments(folder) {
	for (const year of YEARS) {
		for (const kind of ['contracts', 'offers']) {
			mkdirSync(join(folder, kind, String(year)), { recursive: true });
			for (let number = 1; number <= PER_YEAR; number++) {
				const text = `${kind} ${year}, number ${number}\n`.repeat(50 + number);
				writeFileSync(join(folder, kind, String(year), `${number}.txt`), text);
			}
		}
	}
	return folder;
}
