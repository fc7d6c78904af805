import type { IExecuteFunctions } from 'n8n-workflow';

import { BackupError, listDatabases, type PostgresConnection } from '../../engine';
import { splitList, unquoted } from '../shared/lists';

/** The databases that the field Databases names, one at least. @throws BackupError INVALID_INPUT, and what listing them throws */
export async function chosenDatabases(
	context: IExecuteFunctions,
	item: number,
	connection: PostgresConnection,
): Promise<string[]> {
	const names = await named(context, item, connection);
	if (names.length > 0) return names;
	throw new BackupError('INVALID_INPUT', 'There is no database to back up.', { hint: 'Choose one in Databases.' });
}

async function named(context: IExecuteFunctions, item: number, connection: PostgresConnection): Promise<string[]> {
	const mode = context.getNodeParameter('databaseMode', item) as 'credential' | 'chosen' | 'all';
	if (mode === 'credential') return [connection.database];
	if (mode === 'all') return await listDatabases(connection);
	const value: unknown = context.getNodeParameter('databases', item);
	const given = splitList(value, 'Selected Databases');
	// From the drop-down the names as they are; written by an expression, separated by commas.
	return Array.isArray(value) ? given : given.map(unquoted);
}
