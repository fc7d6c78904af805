import type { IDataObject } from 'n8n-workflow';

import { findBackup, type Manifest, readVerification, type VerificationEntry } from '../../../engine';
import { rounded } from '../../shared/backupItem';
import { simplifyField } from '../../shared/descriptions/simplify';
import { collectionOf } from '../../shared/fields';
import { folderOf, prefixOf } from '../../shared/folder';
import { showWarnings } from '../../shared/hints';
import { shownFor } from '../../shared/operation';
import { isSimplified, itemOf } from '../../shared/simplify';
import { openStorage } from '../../shared/storage';
import { optionsField } from '../descriptions/options';
import { anyBackupField } from '../descriptions/which';
import type { JudgingOperation, Outcome } from '../../shared/outcome';
import { chosenReference } from '../reference';
import { describeFinding, remarkColumns } from '../reportItem';

const MB = 1_000_000;

function describe({ id, kind, name }: Manifest, key: string, entry: VerificationEntry, isSimple: boolean): Outcome {
	const { at, verdict, requested, reached, findings, duration, throughput, version } = entry;
	// A record keeps what was wrong, not what to do about it.
	const { hint: _hint, ...remark } = remarkColumns(verdict, findings);
	const durationSeconds = duration / 1000;
	const columns = { at, verdict, requested, reached, ...remark, name, kind, durationSeconds, key, id };
	const details: IDataObject = {
		problem: remark.problem ?? null,
		reached: reached ?? null,
		findings: findings.map(describeFinding),
		throughputMBps: rounded(throughput / MB),
		version,
	};
	const json = itemOf(columns, details, isSimple);
	return { json, passed: verdict === 'passed', told: `${key}, ${at}: ${verdict}` };
}

/** Lists the verifications of a backup that were recorded, newest first: one item for each. */
export const listVerifications: JudgingOperation = {
	description: [
		anyBackupField(shownFor(['listVerifications'])),
		simplifyField(shownFor(['listVerifications'])),
		optionsField('listVerifications', []),
	],
	isListing: true,
	async execute(context, item) {
		const reference = chosenReference(context, item);
		const isSimple = isSimplified(context, item);
		const prefix = prefixOf(folderOf(collectionOf(context, 'options', item, 'Options'), ''));
		const storage = await openStorage(context, item);
		const signal = context.getExecutionCancelSignal();
		const { manifest, key, remark } = await findBackup(storage, reference, prefix, signal);
		const { history } = await readVerification(storage, { key, id: manifest.id }, signal);
		const none = history.length === 0 ? [`${key} was never verified.`] : [];
		showWarnings(context, [...(remark === undefined ? [] : [remark]), ...none]);
		return history.map((entry) => describe(manifest, key, entry, isSimple));
	},
};
