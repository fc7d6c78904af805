import { basename, dirname } from 'node:path';

import type { IExecuteFunctions } from 'n8n-workflow';

import { BackupError, FolderStorage, METRICS_CONTENT_TYPE, metricsText } from '../../../engine';
import { collectionOf, textOf, yesNoIn } from '../../shared/fields';
import { guardedByN8n } from '../../shared/fileAccess';
import { type Operation, shownFor } from '../../shared/operation';
import { judge } from '../judgement';

const SUFFIX = '.prom';
const PUSH_TIMEOUT_MS = 30_000;

/** Metrics for Prometheus, to be scraped from a webhook, or handed to one of its collectors. */
export const getMetrics: Operation = {
	description: [
		{
			displayName: 'Deliver To',
			name: 'deliverTo',
			type: 'options',
			noDataExpression: true,
			options: [
				{
					name: 'Output',
					value: 'output',
					description: 'The text is in the field metrics, for a webhook that Prometheus scrapes',
				},
				{ name: 'Pushgateway', value: 'pushgateway', description: 'Replace the metrics of a job there' },
				{
					name: 'Textfile Collector',
					value: 'textfile',
					description: 'Replace a file that the node exporter of this machine reads',
				},
			],
			default: 'output',
			displayOptions: shownFor(['getMetrics']),
		},
		{
			displayName: 'File Path',
			name: 'textfilePath',
			type: 'string',
			required: true,
			default: '',
			placeholder: 'e.g. /var/lib/node_exporter/textfile/stack_backup.prom',
			description: 'An absolute path that ends in .prom, in a folder that n8n may write to',
			displayOptions: shownFor(['getMetrics'], { deliverTo: ['textfile'] }),
		},
		{
			displayName: 'Pushgateway URL',
			name: 'pushgatewayUrl',
			type: 'string',
			required: true,
			default: '',
			placeholder: 'e.g. http://pushgateway:9091',
			displayOptions: shownFor(['getMetrics'], { deliverTo: ['pushgateway'] }),
		},
		{
			displayName: 'Job',
			name: 'job',
			type: 'string',
			required: true,
			default: 'stack_backup',
			description: 'The job whose metrics are replaced',
			displayOptions: shownFor(['getMetrics'], { deliverTo: ['pushgateway'] }),
		},
	],
	async execute(context, item) {
		const options = collectionOf(context, 'options', item, 'Options');
		const knownNames = yesNoIn(options, 'knownNames', false, 'Known Names');
		const deliver = deliveryOf(context, item);
		const { state, problems, targets, overview, events, running, isIgnored } = await judge(context, item);
		const metrics = await metricsText(state, problems, { targets, knownNames, events, running, isIgnored });
		const deliveredTo = await deliver(metrics);
		return [
			{
				json: {
					headline: overview.headline,
					problems: problems.length,
					series: state.series.length,
					at: state.at,
					deliveredTo,
					contentType: METRICS_CONTENT_TYPE,
					metrics,
				},
			},
		];
	},
};

/** Hands the metrics on and says where they went; fields that are wrong are found before the storage is looked at. */
function deliveryOf(context: IExecuteFunctions, item: number): (metrics: string) => Promise<string> {
	const deliverTo: unknown = context.getNodeParameter('deliverTo', item);
	if (deliverTo === 'output') return async () => await Promise.resolve('output');
	if (deliverTo === 'textfile') return toFile(context, item);
	if (deliverTo === 'pushgateway') return toPushgateway(context, item);
	throw new BackupError('INVALID_INPUT', `Deliver To is ${JSON.stringify(deliverTo)}.`, {
		hint: 'Choose output, pushgateway or textfile.',
	});
}

/** The node exporter reads whatever stands there: the file is replaced as a whole. */
function toFile(context: IExecuteFunctions, item: number): (metrics: string) => Promise<string> {
	const path = textOf(context.getNodeParameter('textfilePath', item), 'File Path').trim();
	if (!path.endsWith(SUFFIX) || basename(path) === SUFFIX) {
		throw new BackupError('INVALID_INPUT', `File Path is ${JSON.stringify(path).slice(0, 80)}.`, {
			hint: 'Give an absolute path that ends in .prom, for the node exporter reads no other files.',
		});
	}
	return async (metrics) => {
		const folder = await guardedByN8n(context.helpers).allowedFolder(dirname(path));
		const target = new FolderStorage({ root: folder, description: `folder ${basename(folder)}` });
		await target.replace(basename(path), Buffer.from(metrics));
		return path;
	};
}

function toPushgateway(context: IExecuteFunctions, item: number): (metrics: string) => Promise<string> {
	const address = textOf(context.getNodeParameter('pushgatewayUrl', item), 'Pushgateway URL').trim();
	const job = textOf(context.getNodeParameter('job', item), 'Job').trim();
	if (!URL.canParse(address) || !/^https?:$/.test(new URL(address).protocol)) {
		throw new BackupError('INVALID_INPUT', 'Pushgateway URL is no URL of http or https.', {
			hint: 'Give one such as http://pushgateway:9091.',
		});
	}
	if (job === '')
		throw new BackupError('INVALID_INPUT', 'Job is empty.', { hint: 'Name the job, such as stack_backup.' });
	const base = new URL(address);
	// A password in the address must not reach an item or an error.
	const shown = `${base.origin}${base.pathname === '/' ? '' : base.pathname}`;
	return async (metrics) => {
		const signal = context.getExecutionCancelSignal();
		const sending = context.helpers.httpRequest({
			method: 'PUT',
			// https://github.com/prometheus/pushgateway#put-method: a job's name may need base64, for it may hold slashes.
			url: `${address.replace(/\/+$/, '')}/metrics/job@base64/${Buffer.from(job).toString('base64url')}`,
			body: metrics,
			headers: { 'Content-Type': METRICS_CONTENT_TYPE },
			timeout: PUSH_TIMEOUT_MS,
			...(signal && { abortSignal: signal }),
		});
		const failure: unknown = await sending.then(
			() => undefined,
			(error: unknown) => error,
		);
		signal?.throwIfAborted();
		if (failure !== undefined) throw notPushed(shown, failure);
		return shown;
	};
}

function notPushed(gateway: string, cause: unknown): BackupError {
	const { response } = Object(cause) as { response?: { status?: unknown } };
	const reason = typeof response?.status === 'number' ? `answered ${response.status}` : 'cannot be reached';
	return new BackupError('TARGET_UNREACHABLE', `The Pushgateway at ${gateway} ${reason}.`, {
		hint: 'Check Pushgateway URL, and whether n8n reaches it.',
		cause,
	});
}
