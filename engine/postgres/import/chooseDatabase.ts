import { BackupError, listed } from '../../errors';

import type { ScriptDatabase, ScriptInspection } from './plainScript';

/** Names in one message. */
const NAMES = 10;

/** Whether there is more in it than in every new database. */
export function holdsSomething({ hasRows, objects }: ScriptDatabase): boolean {
	return objects > 0 || hasRows;
}

/**
 * The database of a script that is wanted: the one of that name, or the only one that holds something.
 * @throws BackupError INVALID_INPUT where there is none, or several, with what there is
 */
export function chooseDatabase(
	file: string,
	{ databases, globals }: ScriptInspection,
	wanted?: string,
): { chosen: ScriptDatabase; remarks: string[] } {
	if (wanted !== undefined) {
		const named = databases.find(({ name }) => name === wanted);
		// A dump of one database need not say its name.
		const chosen = named ?? (databases.length === 1 && !databases[0]?.name ? databases[0] : undefined);
		if (chosen) return { chosen, remarks: [] };
		throw new BackupError('INVALID_INPUT', `${file} holds no database "${wanted}"; nothing was changed.`, {
			hint:
				databases.length > 0
					? `It holds ${described(databases)}.`
					: 'It holds roles and other globals of a server alone.',
		});
	}
	if (databases.length === 0) {
		throw new BackupError(
			'INVALID_INPUT',
			`${file} holds roles and other globals of a server and no database; nothing was changed.`,
			{ hint: 'Set Contents to Roles and Globals; the database is in a dump of its own.' },
		);
	}
	const filled = databases.filter(holdsSomething);
	const [only] = filled.length === 0 ? databases : filled;
	if (filled.length > 1 || !only || (filled.length === 0 && databases.length > 1)) {
		const what = filled.length > 1 ? 'several databases that hold something' : 'several databases, all empty';
		throw new BackupError('INVALID_INPUT', `${file} holds ${what}: ${described(databases)}; nothing was changed.`, {
			hint: 'Name one in Database in the Dump, or set Contents to All Databases.',
			details: { databases: databases.map(({ name, tables, rows }) => ({ name, tables, rows })) },
		});
	}
	const others = databases.filter((database) => database !== only);
	return { chosen: only, remarks: globals ? serverRemarks(only, others) : [] };
}

function serverRemarks({ name = '' }: ScriptDatabase, others: ScriptDatabase[]): string[] {
	const empty = others.length > 0 ? `, the only one in it that holds something` : '';
	return [
		`The dump is of a whole server: its database "${name}" was imported${empty}. Its roles and globals were not; set Contents to Roles and Globals for these.`,
	];
}

/** `"shop" (12 tables, 3456 rows), "postgres" (empty)` */
function described(databases: ScriptDatabase[]): string {
	const told = databases.map((database) => {
		const { name = '', objects, rows, tables } = database;
		if (!holdsSomething(database)) return `"${name}" (empty)`;
		return `"${name}" (${tables > 0 || rows > 0 ? `${tables} tables, ${rows} rows` : `${objects} objects`})`;
	});
	return listed(told, NAMES);
}
