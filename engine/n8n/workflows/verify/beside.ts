import type { ManifestSummary } from '../../../archive';
import type { Counts } from '../../../verify/system';
import type { BesideVisitor } from '../beside/read';
import type { TableFacts } from '../beside/layout';
import type { JsonObject } from '../workflow';
import type { Problem } from './problems';

/** Judges what lies beside the workflows: that each table has the rows that it says. */
export class BesideJudge implements BesideVisitor {
	readonly #rows = new Map<string, number>();
	readonly #problems: (Problem & { part: string })[] = [];
	readonly #folders = new Set<string>();
	#allRows = 0;

	rows(folder: string, rows: JsonObject[]): void {
		this.#rows.set(folder, (this.#rows.get(folder) ?? 0) + rows.length);
	}

	table(folder: string, { rows }: TableFacts): void {
		const count = this.#rows.get(folder) ?? 0;
		this.#rows.delete(folder);
		const isAgain = this.#folders.has(folder);
		this.#folders.add(folder);
		const part = `data table ${folder}`;
		if (isAgain) this.#problems.push({ severity: 'error', message: 'It is there twice.', part });
		this.#allRows += count;
		if (count === rows) return;
		const message = `It holds ${count} rows, and says that it has ${rows}.`;
		this.#problems.push({ severity: 'error', message, part });
	}

	/** Rows without a table are none: the table was deleted while it was read, and the export has said so. */
	problems(): readonly (Problem & { part: string })[] {
		return this.#problems;
	}

	/** None where neither the archive nor its manifest has tables, as in those of before. */
	counts({ counts }: Pick<ManifestSummary, 'counts'>): Counts {
		const { size } = this.#folders;
		const isSilent = size === 0 && counts['dataTables'] === undefined;
		return isSilent ? {} : { dataTables: size, rows: this.#allRows };
	}
}
