/** Records five verifications of a backup, in a process of its own: `record-verifications.ts <folder> <key> <second>`. */
import { FolderStorage } from '../../../engine/storage';
import { recordVerification, verifyBackup } from '../../../engine';

async function run(folder: string, key: string, second: number): Promise<void> {
	const storage = new FolderStorage({ root: folder });
	const report = await verifyBackup({ storage, key, level: 'integrity' });
	for (let at = 0; at < 5; at++) await recordVerification(storage, { ...report, duration: second * 1000 + at });
}

const [, , folder = '', key = '', second = ''] = process.argv;
void run(folder, key, Number(second));
