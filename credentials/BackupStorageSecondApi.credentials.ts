import type { Icon, ICredentialType } from 'n8n-workflow';

import { BackupStorageApi } from './BackupStorageApi.credentials';

/**
 * A second storage, for a node that works on two of them: of each type, n8n lets a node have one credential. It has the fields of
 * the first. Tested by a node: `testBackupStorage`.
 */
export class BackupStorageSecondApi extends BackupStorageApi implements ICredentialType {
	override name = 'backupStorageSecondApi';

	override displayName = 'Backup Storage (Second)';

	override icon: Icon = { light: 'file:icons/backupStorage.svg', dark: 'file:icons/backupStorage.dark.svg' };

	override documentationUrl =
		'https://github.com/n8n-nodes-stack-backup/n8n-nodes-stack-backup/blob/main/docs/credentials.md#backup-storage-second';
}
