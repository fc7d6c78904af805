import { type IExecuteFunctions, jsonParse } from 'n8n-workflow';

import { areEmpty, BackupError, type KeepRules, parsePolicy, type RetentionPolicy } from '../../engine';
import { collectionOf, type Fields, numberIn, numberOf, textOf } from '../shared/fields';

import { MAX_COUNT } from './descriptions/rules';
import { chosenRules, objectOf, wrong } from './ruleSettings';

const MAX_MINUTES = 525_600;
const NO_JSON = Symbol('no JSON');

/** The fields of the policy as the engine wants them. @throws BackupError INVALID_INPUT that names the field */
export function policySettings(context: IExecuteFunctions, item: number): RetentionPolicy {
	const choice: unknown = context.getNodeParameter('policy', item);
	if (choice === 'json') return parsePolicy(jsonOf(context.getNodeParameter('policyJson', item)));
	const custom: unknown = choice === 'custom' ? context.getNodeParameter('rules', item, {}) : undefined;
	const options = collectionOf(context, 'options', item, 'Options');
	const overrides = entriesOf(context, item, 'separatePolicies', 'policies', 'Separate Policies').map(overrideOf);
	const foreign = entriesOf(context, item, 'foreignFiles', 'patterns', 'Foreign Files').map(foreignOf);
	const wal = walOf(collectionOf(context, 'wal', item, 'WAL'));
	return parsePolicy({
		rules: chosenRules(choice, custom, 'Policy'),
		...(overrides.length > 0 && { overrides }),
		...(foreign.length > 0 && { foreign }),
		...(wal && { wal }),
		maxDeletedShare: numberIn(options, 'maxShare', 50, 'Max Share to Delete (%)', { min: 0, max: 100 }) / 100,
		futureToleranceMinutes: numberIn(options, 'futureTolerance', 60, 'Future Tolerance (Minutes)', {
			min: 0,
			max: MAX_MINUTES,
		}),
	});
}

/** Where a policy has rules that let no backup go, as its JSON names the places. The fields refuse such rules. */
export function idleRules({ rules, overrides = [], foreign = [] }: RetentionPolicy): string[] {
	const places: Array<[place: string, rules: KeepRules | undefined]> = [
		['rules', rules],
		...overrides.map((one, index) => [`overrides.${index}.rules`, one.rules] as [string, KeepRules]),
		...foreign.map((one, index) => [`foreign.${index}.rules`, one.rules] as [string, KeepRules | undefined]),
	];
	return places.flatMap(([place, some]) => (some && areEmpty(some) ? [place] : []));
}

/** An object, or the text of one: an expression may give either. */
function jsonOf(value: unknown): unknown {
	if (typeof value !== 'string') return value;
	const parsed = jsonParse<unknown>(value, { fallbackValue: NO_JSON });
	if (parsed !== NO_JSON) return parsed;
	throw new BackupError('INVALID_INPUT', 'Policy (JSON) is not valid JSON.', {
		hint: 'Such as { "rules": { "daily": 7, "weekly": 4 } }. Dry Run puts a policy out in the field policy.',
	});
}

/** The entries of a fixed collection, in their order. */
function entriesOf(context: IExecuteFunctions, item: number, name: string, inner: string, label: string): Fields[] {
	const fields = collectionOf(context, name, item, label);
	if (!Object.hasOwn(fields, inner)) {
		// Something else in it would be passed over without a word.
		if (Object.keys(fields).length > 0) throw wrong(label, fields, `Give { "${inner}": [...] }.`);
		return [];
	}
	const entries = fields[inner];
	if (Array.isArray(entries)) return entries.map((entry: unknown) => objectOf(entry, label));
	throw wrong(label, entries, 'Give a list.');
}

function overrideOf(fields: Fields, index: number) {
	const where = `Separate policy ${index + 1}`;
	const { kind = 'any', keep, rules } = fields;
	const name = givenText(fields, 'name', `Name of ${where}`);
	const tag = givenText(fields, 'tag', `Tag of ${where}`);
	if (kind === 'any' && name === '' && tag === '') {
		throw new BackupError('INVALID_INPUT', `${where} names neither a kind nor a name nor a tag: all would be meant.`, {
			hint: 'Say what it is for, or take it out. If one is an expression, look at what it gives.',
		});
	}
	return {
		...(kind !== 'any' && { kind }),
		...(name !== '' && { name }),
		...(tag !== '' && { tag }),
		rules: chosenRules(keep, rules, where),
	};
}

/** A text that may be left empty, but not by an expression that refers to what is not there: more would be meant. */
function givenText(fields: Fields, name: string, label: string): string {
	const value = fields[name];
	const isLost = Object.hasOwn(fields, name) && (value === undefined || value === null);
	if (isLost) throw wrong(label, value, 'Look at what the expression gives, or leave the field empty.');
	return textOf(value, label).trim();
}

function foreignOf({ pattern: value, keep, rules }: Fields, index: number) {
	const where = `Foreign files ${index + 1}`;
	const pattern = textOf(value, `Name Pattern of ${where}`).trim();
	if (pattern === '') {
		throw new BackupError('INVALID_INPUT', `${where} has no pattern.`, {
			hint: 'Fill in Name Pattern, or take it out.',
		});
	}
	return { pattern, ...(keep !== 'policy' && { rules: chosenRules(keep, rules, where) }) };
}

function walOf(fields: Fields) {
	if (Object.keys(fields).length === 0) return undefined;
	if (!Object.hasOwn(fields, 'days')) {
		throw new BackupError('INVALID_INPUT', 'WAL has no Recovery Window (Days).', {
			hint: 'Add Recovery Window (Days), or take WAL out.',
		});
	}
	const days = numberOf(fields['days'], 'Recovery Window (Days) of WAL', { min: 0, max: MAX_COUNT });
	const baseBackups = textOf(fields['baseBackups'], 'Base Backup Pattern').trim();
	return { days, ...(baseBackups !== '' && { baseBackups }) };
}
