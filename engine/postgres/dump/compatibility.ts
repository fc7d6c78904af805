import { splitStatements } from '../script';

/**
 * pg_dump 18 writes for servers of its own version or later. A few things of it are refused by the older server that the
 * dump came from; here they are said the old way, so that a script always loads into the version it was read from.
 */

interface Edit {
	start: number;
	end: number;
	text: string;
}

/** Positions of the top-level commas and the closing parenthesis of the list that opens at `open`. */
function listElements(statement: string, open: number): Array<{ start: number; end: number }> {
	const elements: Array<{ start: number; end: number }> = [];
	let depth = 0;
	let start = open + 1;
	for (const { 0: token, index } of statement.slice(open).matchAll(/"(?:[^"]|"")*"|'(?:[^']|'')*'|[(),]/g)) {
		const at = open + index;
		if (token === '(') depth++;
		else if (token === ')' && --depth === 0) {
			elements.push({ start, end: at });
			break;
		} else if (token === ',' && depth === 1) {
			elements.push({ start, end: at });
			start = at + 1;
		}
	}
	return elements;
}

const CREATE_TABLE =
	/^CREATE (?:UNLOGGED )?(?:FOREIGN )?TABLE ((?:"(?:[^"]|"")*"|[^\s."(])+(?:\.(?:"(?:[^"]|"")*"|[^\s."(])+)?) \(/;
const NOT_NULL_OF_COLUMN = /^\s*NOT NULL ((?:"(?:[^"]|"")*"|[^\s"])+)\s*$/;

/**
 * Before 18 a table's definition cannot say NOT NULL of an inherited column (`NOT NULL own` as an element of the list):
 * an ALTER TABLE after it can. No column's definition begins so, for NOT is a reserved word.
 */
function adaptNotNull(statement: string): string {
	const table = CREATE_TABLE.exec(statement);
	if (!table) return statement;
	const elements = listElements(statement, table[0].length - 1);
	const texts = elements.map(({ start, end }) => statement.slice(start, end));
	const kept = texts.filter((text) => !NOT_NULL_OF_COLUMN.test(text));
	if (kept.length === texts.length) return statement;
	const columns = texts.flatMap((text) => NOT_NULL_OF_COLUMN.exec(text)?.[1] ?? []);
	const alters = columns.map((column) => `\nALTER TABLE ONLY ${table[1]} ALTER COLUMN ${column} SET NOT NULL;`);
	const end = elements[elements.length - 1]?.end ?? 0;
	return `${table[0]}${kept.join(',').trimEnd()}\n${statement.slice(end)}${alters.join('')}`;
}

/** Options of subscriptions by the version that brought them. They stand at the end, after every quoted text. */
const SUBSCRIPTION_OPTIONS: Array<[since: number, option: RegExp]> = [
	[140_000, /, streaming = (?:off|parallel)/],
	[160_000, /, run_as_owner = true/],
	[160_000, /, origin = none/],
	[170_000, /, failover = true/],
];

function adaptSubscription(statement: string, serverVersion: number): string {
	if (!statement.startsWith('CREATE SUBSCRIPTION ')) return statement;
	const options = statement.lastIndexOf(' WITH (');
	let tail = statement.slice(options);
	for (const [since, option] of SUBSCRIPTION_OPTIONS) if (serverVersion < since) tail = tail.replace(option, '');
	return statement.slice(0, options) + tail;
}

/** What every statement holds that has to be rewritten. Most databases have none, and their scripts need not be split. */
const MAY_NEED_EDITS = /[(,]\s*NOT NULL |CREATE SUBSCRIPTION /;

/** The setting came with 17 and stands in the script's head, before anything of the database's. */
function dropTransactionTimeout(script: string, serverVersion: number): string {
	return serverVersion >= 170_000 ? script : script.replace('\nSET transaction_timeout = 0;\n', '\n');
}

/** Rewrites pg_dump's script for the server it was read from; `serverVersion` is its server_version_num. */
export function adaptScript(script: string, serverVersion: number): string {
	if (serverVersion >= 180_000) return script;
	const adapted = dropTransactionTimeout(script, serverVersion);
	if (!MAY_NEED_EDITS.test(adapted)) return adapted;
	const edits: Edit[] = [];
	for (const { start, end } of splitStatements(adapted)) {
		const statement = adapted.slice(start, end);
		const text = adaptSubscription(adaptNotNull(statement), serverVersion);
		if (text !== statement) edits.push({ start, end, text });
	}
	let result = '';
	let from = 0;
	for (const { start, end, text } of edits) {
		result += adapted.slice(from, start) + text;
		from = end;
	}
	return result + adapted.slice(from);
}
