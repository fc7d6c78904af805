import { listed } from '../../../errors';
import { serverMessage } from '../../serverMessage';
import type { StatementFacts } from '../../statements/facts';
import { type OptionList, optionLists, settingClauses, withoutText } from '../../statements/options';

import { sqlState } from './refusals';

/** Options that say who sees or writes what: a view that lacks one of them is another view. */
const OF_MEANING = new Set(['check_option', 'security_barrier', 'security_invoker']);

/** SQLSTATEs: invalid_parameter_value, of storage parameters; syntax_error, of publications and subscriptions. */
const REFUSED_OPTION = '22023';
const REFUSED_BY_GRAMMAR = '42601';
const OF_REPLICATION = new Set(['PUBLICATION', 'SUBSCRIPTION']);

/** SQLSTATEs of a setting that the server does not know: undefined_object, invalid_name for those with a prefix. */
const UNKNOWN_SETTING = new Set(['42704', '42602']);
const ROUTINES = new Set(['FUNCTION', 'PROCEDURE']);

const HOLDS_OPTIONS = /\b(?:WITH|SET)\b/i;
const OF_COLUMN = /^ALTER\s+(?:FOREIGN\s+)?TABLE\s[^]*\sALTER\s+COLUMN\s/i;

/** What PostgreSQL puts around names, in all of its languages. */
const QUOTED = /["«»„“”]\s*([^"«»„“”]+?)\s*["«»„“”]/g;

/** What of a statement is left out: its place, and its name for the warning. */
interface Unsupported {
	text: string;
	name: string;
	kind: 'option' | 'setting';
}

/** A statement, and what is known of it. */
interface Statement {
	text: string;
	facts: StatementFacts;
	/** What it is about, for messages. */
	object: string;
}

/** True for a statement that may hold options or settings, and that may so go on in another form after it was refused. */
export function mayHoldOptions(text: string, { verb }: StatementFacts): boolean {
	return (verb === 'CREATE' || verb === 'ALTER') && HOLDS_OPTIONS.test(text);
}

/**
 * What a dump sets and the target does not know: storage parameters of tables, indexes and columns, options of publications
 * and subscriptions, settings of functions. Newer servers and those made from PostgreSQL have some of their own (a minor
 * release of 2026 has one on every column, pg_attver, which earlier versions of this package took along). A restore can do
 * without them, and tells which they were.
 */
export class UnsupportedOptions {
	/** By what is left out, the objects that lack it now. */
	readonly #left = new Map<string, { unsupported: Unsupported; said: string; objects: Set<string> }>();
	/** Options of columns that this server has refused: there may be one on every column. */
	readonly #ofColumns = new Set<string>();

	/** A statement without what the server is known to refuse; empty where nothing is left of it. */
	withoutKnown({ text, facts, object }: Statement): string {
		if (this.#ofColumns.size === 0 || !OF_COLUMN.test(text)) return text;
		const [list] = optionLists(text);
		const known = list?.options.filter(({ name }) => this.#ofColumns.has(name)) ?? [];
		if (!list || known.length === 0) return text;
		for (const { name } of known) this.#left.get(`option ${name}`)?.objects.add(nameOf(facts, object));
		return withoutOptions(text, list, known) ?? text;
	}

	/**
	 * The statement without what the server has refused of it; empty where nothing is left. Undefined where it was refused for
	 * something else, or for something that must not be missing.
	 */
	withoutRefused({ text, facts, object }: Statement, error: unknown): string | undefined {
		if (!mayHoldOptions(text, facts)) return undefined;
		const unsupported = refusedSetting(text, facts, error) ?? refusedOption(text, facts, error);
		if (!unsupported) return undefined;
		if (OF_COLUMN.test(text)) this.#ofColumns.add(unsupported.name);
		const key = `${unsupported.kind} ${unsupported.name}`;
		const left = this.#left.get(key) ?? { unsupported, said: serverMessage(error), objects: new Set<string>() };
		left.objects.add(nameOf(facts, object));
		this.#left.set(key, left);
		return unsupported.text;
	}

	get warnings(): string[] {
		return [...this.#left.values()].map(({ unsupported: { kind, name }, said, objects }) => {
			const shown = listed([...objects]);
			return `The server does not take the ${kind} ${name}, which the dump sets for ${shown}; it was left out: ${said}`;
		});
	}
}

function nameOf({ table }: StatementFacts, object: string): string {
	return table?.replace('\0', '.') ?? object;
}

function quotedIn(error: unknown): string[] {
	return [...(error as Error).message.matchAll(QUOTED)].map(([, name = '']) => name.toLowerCase());
}

function refusedOption(text: string, { kind }: StatementFacts, error: unknown): Unsupported | undefined {
	if (sqlState(error) !== (OF_REPLICATION.has(kind) ? REFUSED_BY_GRAMMAR : REFUSED_OPTION)) return undefined;
	const quoted = quotedIn(error);
	for (const list of optionLists(text)) {
		const refused = list.options.find(({ name }) => {
			const [own = '', space] = name.split('.').reverse();
			return quoted.some((said) => said === own || said === name || said === space);
		});
		if (!refused || (kind === 'VIEW' && OF_MEANING.has(refused.name))) continue;
		const rest = withoutOptions(text, list, [refused]);
		if (rest !== undefined) return { text: rest, name: refused.name, kind: 'option' };
	}
	return undefined;
}

/**
 * The statement without some options of a list. Undefined where the list was all of one action among others, which cannot be
 * told from the rest.
 */
function withoutOptions(text: string, list: OptionList, refused: OptionList['options']): string | undefined {
	const kept = list.options.filter((option) => !refused.includes(option));
	if (kept.length > 0) {
		const options = kept.map(({ start, end }) => text.slice(start, end)).join(', ');
		return `${text.slice(0, list.open + 1)}${options}${text.slice(list.close)}`;
	}
	if (list.word === 'WITH') return withoutText(text, list.start, list.close + 1);
	return list.alone ? '' : undefined;
}

function refusedSetting(text: string, { verb, kind }: StatementFacts, error: unknown): Unsupported | undefined {
	if (verb !== 'CREATE' || !ROUTINES.has(kind) || !UNKNOWN_SETTING.has(sqlState(error))) return undefined;
	const quoted = quotedIn(error);
	const refused = settingClauses(text).find(({ name }) => quoted.includes(name));
	return refused && { text: withoutText(text, refused.start, refused.end), name: refused.name, kind: 'setting' };
}
