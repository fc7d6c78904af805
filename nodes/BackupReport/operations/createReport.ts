import type { IDataObject, IExecuteFunctions } from 'n8n-workflow';

import {
	BackupError,
	type ClaimedBackup,
	mailHtml,
	markdown,
	plainText,
	reportOf,
	retentionFigures,
	slackBlocks,
	subjectLine,
} from '../../../engine';
import { simplifyField } from '../../shared/descriptions/simplify';
import { yesNoIn } from '../../shared/fields';
import { readableSize } from '../../shared/listSearch/size';
import { type Operation, shownFor } from '../../shared/operation';
import { isSimplified, itemOf } from '../../shared/simplify';
import { judge, textFactsOf } from '../judgement';
import { refreshLogOf } from '../refreshLog';

const KEY = 'backup_report.json';
const shown = shownFor(['createReport']);

/** The report as JSON in the storage, and as texts in the item. */
export const createReport: Operation = {
	description: [
		{
			displayName: 'Report On',
			name: 'reportOn',
			type: 'options',
			noDataExpression: true,
			options: [
				{
					name: 'Incoming Items',
					value: 'items',
					description: 'The backups that the nodes before it made in this run; what failed is in the report as well',
				},
				{ name: 'Storage', value: 'storage', description: 'The newest backup of everything in the storage' },
			],
			default: 'storage',
			displayOptions: shown,
		},
		{
			displayName: 'Store Report',
			name: 'storeReport',
			type: 'boolean',
			default: true,
			description: `Whether to write the report into the storage, as ${KEY}`,
			displayOptions: shown,
		},
		simplifyField(shown),
	],
	async execute(context, item) {
		const isSimple = isSimplified(context, item);
		const stores = yesNoIn(
			{ storeReport: context.getNodeParameter('storeReport', item) },
			'storeReport',
			true,
			'Store Report',
		);
		const claimed = claimedIn(context, item);
		// All items of a run make one report, which belongs to the first.
		if (claimed && item > 0) return [];
		const judgement = await judge(context, item);
		const { storage, state, problems, targets, overview, running, events, signal } = judgement;
		const retention = await retentionFigures(storage, signal);
		const report = reportOf(state, problems, { targets, retention, running, events, ...(claimed && { claimed }) });
		if (stores) {
			const text = `${JSON.stringify(report, null, 2)}\n`;
			await storage.replace(KEY, Buffer.from(text), signal ? { signal } : {});
			await refreshLogOf(context, storage, signal);
		}
		const facts = textFactsOf(judgement);
		const slack = { blocks: slackBlocks(facts) };
		const columns = {
			subject: subjectLine(facts),
			status: report.status,
			errors: report.errors.length,
			warnings: report.warnings.length,
			size: readableSize(state.storedBytes),
			timestamp: report.timestamp,
			text: plainText(facts),
			markdown: markdown(facts),
			html: mailHtml(facts),
			slack: JSON.stringify(slack),
		};
		const details: IDataObject = {
			headline: overview.headline,
			key: stores ? KEY : null,
			report: { ...report },
			problems: problems.map((problem) => ({ ...problem })),
		};
		return [{ json: itemOf(columns, details, isSimple) }];
	},
};

/** What the incoming items say was backed up; undefined where the report is on the storage. @throws BackupError INVALID_INPUT */
function claimedIn(context: IExecuteFunctions, item: number): ClaimedBackup[] | undefined {
	const reportOn: unknown = context.getNodeParameter('reportOn', item);
	if (reportOn === 'storage') return undefined;
	if (reportOn !== 'items') {
		throw new BackupError('INVALID_INPUT', `Report On is ${JSON.stringify(reportOn)}.`, {
			hint: 'Choose storage or items.',
		});
	}
	const claimed = context.getInputData().flatMap(({ json }) => claimOf(json));
	if (claimed.length > 0) return claimed;
	throw new BackupError('INVALID_INPUT', 'None of the incoming items is a backup, or one that failed.', {
		hint: 'Put the node behind a Back Up, with its Settings > On Error at Continue, or choose Report On: Storage.',
	});
}

function claimOf(json: IDataObject): ClaimedBackup[] {
	const { id, name, file, error } = json;
	const label = [name, file].find((text) => typeof text === 'string' && text !== '');
	if (error !== undefined && error !== null && error !== false) {
		const { message } = Object(error) as { message?: unknown };
		const said = [error, message].find((text) => typeof text === 'string') ?? 'It failed.';
		return [{ name: typeof label === 'string' ? label : 'a back up', error: said }];
	}
	return typeof id === 'string' && typeof label === 'string' ? [{ id, name: label }] : [];
}
