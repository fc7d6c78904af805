import { BackupError, type ErrorCode } from '../../../errors';
import { type ServerRole, translateError } from '../../connection';
import { serverCause, serverMessage } from '../../serverMessage';

/** What a walsender refuses with, by SQLSTATE, where that means something else than in a session. */
const ANSWERS: Readonly<Record<string, { code?: ErrorCode; hint: string }>> = {
	'28000': {
		code: 'ACCESS_DENIED',
		hint: 'Physical backups need a line of their own in pg_hba.conf, with the word replication in the place of the database: "host replication <user> <address of n8n>/32 scram-sha-256". Then reload the server (SELECT pg_reload_conf()).',
	},
	'42501': {
		code: 'ACCESS_DENIED',
		hint: 'The role needs the attribute REPLICATION: ALTER ROLE <user> REPLICATION, as a superuser. Managed services mostly do not give it.',
	},
	'53300': {
		hint: 'All walsenders of the server are in use: raise max_wal_senders, which takes a restart of the server, or end a replication that nobody needs.',
	},
	'53400': {
		hint: 'All replication slots of the server are in use: drop one that nobody needs (pg_replication_slots lists them), or raise max_replication_slots, which takes a restart of the server.',
	},
	'55006': {
		hint: 'Somebody else uses this replication slot: another workflow, or a standby. Give each its own slot, or end the other.',
	},
	'42704': {
		code: 'INVALID_INPUT',
		hint: 'There is no such replication slot on this server. Make a base backup with this slot, which creates it first.',
	},
	'58P01': {
		hint: 'The server has removed WAL that was to be read. Make a new base backup, and let a replication slot keep what was not archived yet.',
	},
};

/**
 * Puts anything that a walsender, `pg` or a socket throws into a BackupError that says what was being done.
 * @param doing `Could not read the WAL of db:5432`
 */
export function translateWalSenderError(error: unknown, role: ServerRole, doing: string): BackupError {
	if (error instanceof BackupError) return error;
	const { code = '' } = error as { code?: string };
	const answer = ANSWERS[code];
	if (!answer) return translateError(error, role, doing);
	const failed = role === 'source' ? 'SOURCE_FAILED' : 'TARGET_FAILED';
	return new BackupError(answer.code ?? failed, `${doing}: ${serverMessage(error)}`, {
		hint: answer.hint,
		cause: serverCause(error),
	});
}
