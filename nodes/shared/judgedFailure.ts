import { type INode, NodeOperationError } from 'n8n-workflow';

import { listed } from '../../engine';

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
	/** Its key, where the credential does not open it and nothing else is wrong: it was encrypted with another one. */
	unopened?: string;
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
	// What was found bad is told before what says nothing against a backup.
	const worst = over.find(({ unopened }) => unopened === undefined) ?? over[0]!;
	const told = over.length > 1 && worst.unopened !== undefined ? UNOPENED : worst.told;
	const message = judged.length === 1 ? told : `${countOf(over, judged, words)} ${told}`;
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

/** Storages hold backups of several passphrases: those that the credential does not open have one line together. */
function linesOf(outcomes: readonly Judged[]): string[] {
	const unopened = outcomes.flatMap(({ unopened: key }) => key ?? []);
	const isGrouped = unopened.length > 1;
	const single = isGrouped ? outcomes.filter(({ unopened: key }) => key === undefined) : outcomes;
	const told = single.slice(0, MAX_TOLD).map((outcome) => outcome.told);
	const rest = single.length - MAX_TOLD;
	return [...told, ...(rest > 0 ? [`And ${rest} more.`] : []), ...(isGrouped ? [unopenedLine(unopened)] : [])];
}

const UNOPENED = 'They were encrypted with another passphrase or key than the credential has.';

function unopenedLine(keys: readonly string[]): string {
	return `${keys.length} were encrypted with another passphrase or key than the credential has, so all that is known is that they are as they were stored: ${listed(keys)}. Verify them with their own credential.`;
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
