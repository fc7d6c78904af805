import type { IExecuteFunctions } from 'n8n-workflow';

import { BackupError, type DecryptionKeys, type Storage } from '../../../engine';
import { chosenFile, withIncomingFile } from '../../shared/archiveSource';
import { decryptionKeys } from '../../shared/encryption';
import { showWarnings } from '../../shared/hints';
import { type VisibleRun, whileVisible } from '../../shared/runControl';
import { isSimplified } from '../../shared/simplify';
import { openStorage } from '../../shared/storage';
import { verifyFields } from '../descriptions/verify';
import type { JudgingOperation, Outcome } from '../../shared/outcome';
import { missingOutcome } from '../reportItem';
import { type Scratch, unaskedWarnings, withScratch } from '../scratch';
import { type Subject, subjectsOf } from '../subjects';
import { type VerifySettings, verifySettings } from '../verifySettings';
import { incomingSubject, verifySubjects } from '../verifySubjects';

type Verify = (storage: Storage, subjects: Subject[], keepsRecords: boolean) => Promise<Outcome[]>;

async function verifyChosen(
	context: IExecuteFunctions,
	item: number,
	settings: VerifySettings,
	keys: DecryptionKeys | undefined,
	verifyAll: Verify,
): Promise<Outcome[]> {
	if (settings.which === 'binaryData') return await verifyIncoming(context, item, verifyAll);
	const storage = await openStorage(context, item);
	const subjects: Subject[] =
		settings.which === 'file'
			? [{ file: chosenFile(context, item, 'file') }]
			: await subjectsOf(context, item, storage, settings, keys);
	return await whileVisible(context, item, storage, aboutOf(subjects), async (visible) => {
		return await verifyAll(visible, subjects, settings.which !== 'file');
	});
}

/** What others see of it. How much it reads depends on what it finds. */
function aboutOf(subjects: readonly Subject[]): VisibleRun {
	const [first] = subjects;
	if (subjects.length === 1 && first && 'entry' in first) {
		const { kind, name } = first.entry.manifest;
		return { action: 'verify', kind, name };
	}
	return { action: 'verify', kind: '', name: subjects.length === 1 ? 'a file' : `${subjects.length} backups` };
}

async function verifyIncoming(context: IExecuteFunctions, item: number, verifyAll: Verify): Promise<Outcome[]> {
	const verified = withIncomingFile(context, item, async ({ storage, key, manifest }) => {
		const total = async () => (await storage.stat(key))?.size;
		const about = { action: 'verify', kind: manifest?.kind ?? '', name: manifest?.name ?? key, total } as const;
		return await whileVisible(context, item, storage, about, async (visible) => {
			return await verifyAll(visible, [incomingSubject(key, manifest)], false);
		});
	});
	return await verified.catch((error: unknown) => {
		// The manifest that came with the file.
		if (error instanceof BackupError && (error.code === 'MANIFEST_INVALID' || error.code === 'MANIFEST_NEWER')) {
			return [missingOutcome(error, isSimplified(context, item))];
		}
		throw error;
	});
}

/** Verifies backups as deep as is asked: one item for each. */
export const verify: JudgingOperation = {
	description: verifyFields,
	journal: { action: 'verify', onlyProblems: true },
	async execute(context, item) {
		const settings = verifySettings(context, item);
		const isSimple = isSimplified(context, item);
		const keys = await decryptionKeys(context, item);
		const verifyWith = async (scratch: Scratch | undefined) => {
			const outcomes = await verifyChosen(context, item, settings, keys, async (storage, subjects, keepsRecords) => {
				const run = { context, settings, storage, keepsRecords, keys, scratch, isSimple };
				return await verifySubjects(run, subjects);
			});
			showWarnings(context, unaskedWarnings(scratch));
			return outcomes;
		};
		if (!settings.scratch) return await verifyWith(undefined);
		return await withScratch(context, item, settings.scratch, settings.connection, verifyWith);
	},
};
