import type { ManifestTable } from '../../archive';
import { splitStatements } from '../script';
import { parseQualifiedName, QUALIFIED } from '../script/identifiers';

const ROW = new RegExp(`^INSERT INTO (${QUALIFIED}) DEFAULT VALUES;?$`);

/**
 * Tables without columns, in which only the number of rows counts: COPY has nothing to carry, so their rows stay in the
 * script as pg_dump wrote them.
 */
export function tablesInScript(sections: Array<{ type: string; text?: string }>): ManifestTable[] {
	const tables = new Map<string, ManifestTable>();
	for (const { text = '' } of sections) {
		if (!text.includes(' DEFAULT VALUES;')) continue;
		for (const { start, end } of splitStatements(text)) {
			const name = ROW.exec(text.slice(start, end))?.[1];
			if (name === undefined) continue;
			const { schema, name: table } = parseQualifiedName(name);
			const counted = tables.get(name) ?? { schema: schema ?? '', name: table, rows: 0, bytes: 0 };
			tables.set(name, counted);
			counted.rows++;
			counted.bytes += Buffer.byteLength(text.slice(start, end));
		}
	}
	return [...tables.values()];
}
