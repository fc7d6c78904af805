import { type INode, NodeOperationError } from 'n8n-workflow';

/** What is said of what is bad. */
export interface JudgedWords {
	/** `has not passed` */
	one: string;
	/** `have not passed` */
	many: string;
}

/** The words of verifications. */
export const NOT_PASSED: JudgedWords = { one: 'has not passed', many: 'have not passed' };

/** What was found out about one backup, as far as an error can carry it. */
export interface Judged {
	passed: boolean;
	/** `postgres/shop_1.sql.zst: failed. The archive is damaged.` */
	told: string;
	/** How many results stand beside their backups now; of a drill, several. */
	recorded?: number;
}

const MAX_TOLD = 20;

/**
 * What a node fails with over what has not passed.
 * @param over of what was judged, what it fails over
 * @param isConnectingOffered whether it would go on if something were connected to the output Failed
 */
export function failureOf(
	node: INode,
	over: readonly Judged[],
	judged: readonly Judged[],
	isConnectingOffered: boolean,
	words = NOT_PASSED,
): NodeOperationError {
	const [first] = over;
	const message = judged.length === 1 ? first!.told : `${countOf(over, judged, words)} ${first!.told}`;
	const all = over.length === 1 ? [] : linesOf(over);
	const description = [...all, `${recordedOf(judged)} ${howToGoOn(isConnectingOffered)}`].join('\n');
	const error = new NodeOperationError(node, message, { description });
	// n8n puts words of its own in the place of messages in which it finds ECONNREFUSED and the like.
	error.message = message;
	error.messages = [];
	return error;
}

/** An error that ends a run before everything was looked at, which must not hide what was found bad until then. */
export function alsoTelling(
	error: NodeOperationError,
	judged: readonly Judged[],
	words = NOT_PASSED,
): NodeOperationError {
	const bad = judged.filter(({ passed }) => !passed);
	if (bad.length === 0) return error;
	const before = `Before this error: ${countOf(bad, judged, words)}`;
	error.description = [error.description, before, ...linesOf(bad)].filter(Boolean).join('\n');
	return error;
}

function countOf(some: readonly Judged[], all: readonly Judged[], { one, many }: JudgedWords): string {
	return `${some.length} of ${all.length} ${some.length === 1 ? one : many}.`;
}

function linesOf(outcomes: readonly Judged[]): string[] {
	const told = outcomes.slice(0, MAX_TOLD).map((outcome) => outcome.told);
	const rest = outcomes.length - MAX_TOLD;
	return rest > 0 ? [...told, `And ${rest} more.`] : told;
}

function recordedOf(judged: readonly Judged[]): string {
	const recorded = judged.reduce((sum, outcome) => sum + (outcome.recorded ?? 0), 0);
	if (recorded === 0) return 'Everything was looked at.';
	const results = recorded === 1 ? 'the result of 1 backup is' : `the results of ${recorded} backups are`;
	return `Everything was looked at, and ${results} recorded in the storage.`;
}

function howToGoOn(isConnectingOffered: boolean): string {
	return isConnectingOffered
		? 'To go on with items instead, connect something to the output Failed, or set On Failure to Continue.'
		: 'To go on with items instead, set On Failure to Continue; or to Fail Unless Failed Is Connected, and connect something to the output Failed.';
}
