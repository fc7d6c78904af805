import {
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodeProperties,
	NodeOperationError,
} from 'n8n-workflow';

import {
	type BackupKind,
	checkStorage,
	encryptionFindings,
	executionLimit,
	finder,
	findingsOf,
	processFindings,
	PURPOSES,
	type SetupFinding,
	sortedFindings,
} from '../../../engine';
import { oneOf } from '../choice';
import { selectedKeys } from '../encryption';
import { showWarnings } from '../hints';
import { splitList } from '../lists';
import type { Operation } from '../operation';
import { isSimplified, itemOf } from '../simplify';
import { openStorage } from '../storage';

import { checkSetupFields, WITH_STORAGE } from './fields';

/** What a node brings to its Check Setup. */
interface SystemCheck {
	/** The value of the Operation field, where the node has several. */
	operation?: string;
	/** Its fields, which come first. */
	fields?: INodeProperties[];
	/** Its entries of Options. */
	options?: INodeProperties[];
	/** Whose backups in the storage are looked at. */
	kinds: readonly BackupKind[];
	/** What it finds out of its server; and the bytes that are to be backed up, where it knows them. */
	check(
		context: IExecuteFunctions,
		item: number,
		signal: AbortSignal | undefined,
	): Promise<{ findings: SetupFinding[]; bytes?: number }>;
}

const ON_PROBLEM = ['putOut', 'fail'] as const;
const SHOW = ['all', 'bad'] as const;
const MOST_TOLD = 20;

/** Check Setup of a node; without a system, of the storage alone. */
export function checkSetupOperation(system?: SystemCheck): Operation {
	const { operation, fields: own = [], options = [] } = system ?? {};
	return {
		description: checkSetupFields({ own, options, onlyStorage: system === undefined, ...(operation && { operation }) }),
		async execute(context, item) {
			const signal = context.getExecutionCancelSignal();
			const purposes = splitList(context.getNodeParameter('checkFor', item), 'Check For').map((purpose) =>
				oneOf(purpose, PURPOSES, 'Check For'),
			);
			const onProblem = oneOf(context.getNodeParameter('onProblem', item), ON_PROBLEM, 'On Problem');
			const show = oneOf(context.getNodeParameter('showFindings', item), SHOW, 'Show');
			const isSimple = isSimplified(context, item);
			const { findings: own = [], bytes = 0 } = (await system?.check(context, item, signal)) ?? {};
			const withStorage = system === undefined || context.getNodeParameter(WITH_STORAGE, item) === true;
			const common = withStorage ? await commonFindings(context, item, system?.kinds, bytes, signal) : [];
			const findings = sortedFindings([...own, ...common], purposes);
			const bad = findings.filter(({ level }) => level !== 'ok');
			const problems = bad.filter(({ level }) => level === 'problem');
			if (onProblem === 'fail' && problems.length > 0) throw failureOf(context, item, problems);
			if (bad.length > 0) showWarnings(context, [countOf(problems.length, bad.length - problems.length)]);
			return (show === 'all' ? findings : bad).map((finding) => itemOfFinding(finding, isSimple));
		},
	};
}

/** What every node looks at: the storage, what encrypts, and the n8n that it runs in. */
async function commonFindings(
	context: IExecuteFunctions,
	item: number,
	kinds: readonly BackupKind[] | undefined,
	sourceBytes: number,
	signal: AbortSignal | undefined,
): Promise<SetupFinding[]> {
	const keys = await selectedKeys(context, item);
	const storage = await findingsOf(finder('Storage', 'Backup Storage', 'backup'), async () => {
		return await checkStorage({
			// It names the setting where n8n keeps nodes away from a folder.
			storage: await openStorage(context, item),
			...(kinds && { kinds }),
			sourceBytes,
			keys: keys?.decryption,
			limit: executionLimit(),
			...(signal && { signal }),
		});
	});
	return [...storage, ...(keys ? await encryptionFindings(keys) : []), ...processFindings()];
}

function itemOfFinding(finding: SetupFinding, isSimple: boolean): INodeExecutionData {
	const { level, check, what, remedy, about, affects } = finding;
	// Where other rows say what to do, an empty one would be a gap. n8n's table shows the end of a line as \n, which nobody could copy into
	// psql; comments stand last.
	const columns = { level, check, what, remedy: remedy?.replaceAll('\n', ' ') ?? 'none', about, affects };
	return { json: itemOf(columns, {}, isSimple) };
}

function countOf(problems: number, warnings: number): string {
	const some = (count: number, one: string) => `${count} ${one}${count === 1 ? '' : 's'}`;
	const parts = [
		...(problems > 0 ? [some(problems, 'problem')] : []),
		...(warnings > 0 ? [some(warnings, 'warning')] : []),
	];
	return `${parts.join(' and ')} found; each has what to do in its column remedy.`;
}

function failureOf(context: IExecuteFunctions, item: number, problems: readonly SetupFinding[]): NodeOperationError {
	const [first] = problems as [SetupFinding, ...SetupFinding[]];
	const told = problems
		.slice(0, MOST_TOLD)
		.map(({ check, about, what, remedy }) => `${check} (${about}): ${what}\n${remedy}`);
	const rest = problems.length - told.length;
	const message =
		problems.length === 1 ? first.what : `${problems.length} problems, the first of which is: ${first.what}`;
	const description = [...told, ...(rest > 0 ? [`And ${rest} more.`] : [])].join('\n\n');
	const error = new NodeOperationError(context.getNode(), message, { itemIndex: item, description });
	// n8n puts words of its own in the place of messages in which it finds ECONNREFUSED and the like.
	error.message = message;
	error.messages = [];
	return error;
}
