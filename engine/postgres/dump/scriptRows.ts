import type { ManifestTable } from '../../archive';
import { splitStatements } from '../script';
import { describeStatement } from '../statements/statement';

const ROW = /^INSERT INTO [\s\S]* DEFAULT VALUES;?$/;

/**
 * Tables without columns, in which only the number of rows counts: COPY has nothing to carry, so their rows stay in the
 * script as pg_dump wrote them.
 */
export function tablesInScript(sections: Array<{ type: string; text?: string }>): ManifestTable[] {
	const tables = new Map<string, ManifestTable>();
	for (const { text = '' } of sections) {
		if (!text.includes(' DEFAULT VALUES;')) continue;
		for (const { start, end } of splitStatements(text)) {
			const statement = text.slice(start, end);
			const { table: key } = ROW.test(statement) ? describeStatement(statement) : {};
			if (key === undefined) continue;
			const [schema = '', name = ''] = key.split('\0');
			const table = tables.get(key) ?? { schema, name, rows: 0, bytes: 0 };
			tables.set(key, table);
			table.rows++;
			table.bytes += Buffer.byteLength(statement);
		}
	}
	return [...tables.values()];
}
