import { finder, findingsOf, type SetupFinding } from '../../preflight';
import { isOlder, ownSettings } from '../instance';

/** The oldest n8n that this is tried with. */
const OLDEST = '2.0.0';

/**
 * What would make a backup of the n8n that this process is fail.
 * @param version of it
 * @param mayEncrypt whether there is something to encrypt with
 * @throws BackupError CANCELLED; what else fails is a finding
 */
export async function checkInstance(version: string, mayEncrypt: boolean): Promise<SetupFinding[]> {
	const settings = finder('Instance', 'n8n', 'backup');
	const encryption = finder('Encryption', 'n8n', 'backup');
	const found = await findingsOf(settings, () => {
		const { database, binaryData, mode } = ownSettings(version);
		const data = finder('Binary Data', 'n8n', 'backup');
		return [
			settings.ok(
				`n8n ${version} may be backed up: its settings and its encryption key can be read, and its database is ${database.type === 'sqlite' ? 'SQLite' : 'PostgreSQL'}.`,
			),
			...(mode === 'queue' && database.type === 'sqlite'
				? [
						settings.problem(
							'n8n runs in queue mode on SQLite, which n8n does not support: its workers do not see one database.',
							'Move n8n to PostgreSQL (DB_TYPE=postgresdb).',
						),
					]
				: []),
			binaryData.mode === 's3'
				? data.warning(
						'n8n keeps files of executions in a bucket, which a backup of the instance leaves out.',
						'Back the bucket up with the node MinIO Mirror.',
					)
				: data.ok(
						`n8n keeps files of executions in its ${binaryData.mode === 'filesystem' ? 'folder' : binaryData.mode}.`,
					),
		];
	});
	return [
		...found,
		...(isOlder(version, OLDEST)
			? [
					finder('Version', 'n8n', 'backup').warning(
						`n8n ${version} is older than what backups of instances are tried with.`,
						`Update n8n to ${OLDEST} or later.`,
					),
				]
			: []),
		mayEncrypt
			? encryption.ok('There is a credential to encrypt the backup with.')
			: encryption.problem(
					'A backup of the instance holds its encryption key, so it is only made encrypted, and no credential with a passphrase or a public key is selected.',
					'Select a Backup Encryption credential with a passphrase or a public key.',
				),
	];
}
