import { lexScript, type LexOptions } from '../../../../engine/postgres/script';

/** A script's items with their rows collected, in a form that compares and reads well. */
export interface ReadItem {
	type: string;
	text: string;
	line: number;
	rows?: string;
	lines?: number;
}

/** Cuts bytes into pieces of the given sizes, over and over. */
export async function* cut(bytes: Uint8Array, sizes: number[]): AsyncGenerator<Uint8Array> {
	let start = 0;
	for (let turn = 0; start < bytes.length; turn++) {
		const size = sizes.length === 0 ? bytes.length : sizes[turn % sizes.length]!;
		yield bytes.subarray(start, start + size);
		start += size;
	}
}

/** Lexes a script that comes in pieces of the given sizes (whole when there are none). */
export async function readScript(
	script: string | Uint8Array,
	sizes: number[] = [],
	options: LexOptions = {},
): Promise<ReadItem[]> {
	const bytes = typeof script === 'string' ? Buffer.from(script) : script;
	const items: ReadItem[] = [];
	for await (const item of lexScript(cut(bytes, sizes), options)) {
		if (item.type === 'statement') items.push({ type: 'statement', text: item.text, line: item.line });
		else if (item.type === 'meta') {
			items.push({ type: 'meta', text: JSON.stringify([item.command, ...item.args]), line: item.line });
		} else {
			const rows: Buffer[] = [];
			for await (const chunk of item.rows) rows.push(Buffer.from(chunk));
			const { lines } = item.counts();
			items.push({
				type: 'copy',
				text: item.statement,
				line: item.line,
				rows: Buffer.concat(rows).toString('latin1'),
				lines,
			});
		}
	}
	return items;
}

/** The texts of a script's statements. */
export async function statementsOf(script: string, sizes: number[] = []): Promise<string[]> {
	return (await readScript(script, sizes)).map((item) => item.text);
}
