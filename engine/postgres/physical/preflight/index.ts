/** What would make physical backups of a server fail. Only reads. */
import type { Client } from 'pg';

import { BackupError } from '../../../errors';
import { finder, findingsOf, type SetupFinding } from '../../../preflight';
import { type PostgresConnection, withClient } from '../../connection';
import { ask } from '../../preflight/queries';
import { assertSlotName, identifySystem, withWalSender } from '../protocol';
import { MANAGED, type PhysicalView, viewPhysical, viewSlot } from './facts';
import { settingFindings, slotFindings } from './findings';

export interface CheckPhysicalOptions {
	connection: PostgresConnection;
	/** The replication slot that is to be used; undefined for none. */
	slot?: string | undefined;
	/** Whether base backups are to be incremental. */
	incremental: boolean;
	signal?: AbortSignal;
}

/** What was found, and the bytes of all databases that could be looked at. */
export interface PhysicalPreflight {
	findings: SetupFinding[];
	bytes: number;
}

/**
 * Logs in twice: as anybody, to read settings, and as a walsender, which is what backups do.
 * @throws BackupError CANCELLED; what else fails is a finding
 */
export async function checkPhysicalBackups(options: CheckPhysicalOptions): Promise<PhysicalPreflight> {
	const { connection, slot, incremental, signal } = options;
	const about = `${connection.host}:${connection.port}`;
	let view: PhysicalView | undefined;
	const found = await findingsOf(finder('Connection', about, 'backup'), async () => {
		return await withClient(connection, 'source', { ...(signal && { signal }) }, async (client) => {
			// Nothing in a database may stand for what is asked here by a name alone.
			await ask(client, 'anything', "SELECT pg_catalog.set_config('search_path', '', false)");
			view = await viewPhysical(client);
			return [
				...settingFindings(view, about, incremental),
				...(slot === undefined ? [] : await slotsOf(client, slot, view, about)),
			];
		});
	});
	return { findings: [...(await loginFindings(options, about, view)), ...found], bytes: view?.bytes ?? 0 };
}

async function slotsOf(client: Client, slot: string, view: PhysicalView, about: string): Promise<SetupFinding[]> {
	return await findingsOf(finder('Replication Slot', slot, 'backup'), async () => {
		assertSlotName(slot);
		return slotFindings(slot, await viewSlot(client, slot, view), view, about);
	});
}

/** Whether the server lets the user in for replication, and, where it does not, whether it is one of those that let nobody in. */
async function loginFindings(
	{ connection, signal }: CheckPhysicalOptions,
	about: string,
	view: PhysicalView | undefined,
): Promise<SetupFinding[]> {
	const { ok, problem } = finder('Replication Login', about, 'backup');
	try {
		await withWalSender(connection, { signal }, identifySystem);
		return [ok('The server lets the user in for replication.')];
	} catch (error) {
		if (!(error instanceof BackupError) || error.code === 'CANCELLED') throw error;
		const service = view?.managedRoles.map((role) => MANAGED[role]).find((name) => name !== undefined);
		const managed = finder('Managed Service', about, 'backup');
		return [
			...(service === undefined
				? []
				: [
						managed.problem(
							`This looks like ${service}, which lets nobody make physical backups.`,
							'Back up the databases with Postgres Dump, and use the recovery that the service itself offers.',
						),
					]),
			problem(error.message, view ? loginRemedy(view, error) : (error.hint ?? 'Look into the log of the server.')),
		];
	}
}

/** The line for pg_hba.conf as it has to stand there: the server says from where it sees n8n come. */
function loginRemedy({ user, clientAddress }: PhysicalView, { code, hint = '' }: BackupError): string {
	if (code !== 'ACCESS_DENIED') return hint;
	const address =
		clientAddress === undefined ? 'samehost' : `${clientAddress}/${clientAddress.includes(':') ? 128 : 32}`;
	return [
		`ALTER ROLE ${user} REPLICATION;`,
		'SELECT pg_reload_conf();',
		`-- Before that, in pg_hba.conf: host replication ${user} ${address} scram-sha-256`,
	].join('\n');
}
