import { areEmpty, BackupError, type KeepRules, type NumberRange, PRESETS, type PresetName } from '../../engine';
import { type Fields, numberOf } from '../shared/fields';
import { splitList } from '../shared/lists';

import { COUNTED_RULES, MAX_COUNT } from './descriptions/rules';

const COUNT: NumberRange = { min: 0, max: MAX_COUNT };

/**
 * The rules that a choice stands for: a preset's, or the custom ones beside it.
 * @param where What the choice belongs to, for messages: `Policy`, `Separate policy 2`.
 * @throws BackupError INVALID_INPUT
 */
export function chosenRules(choice: unknown, custom: unknown, where: string): KeepRules {
	if (choice === 'custom') return customRules(custom ?? {}, where);
	if (typeof choice === 'string' && Object.hasOwn(PRESETS, choice)) return { ...PRESETS[choice as PresetName] };
	throw new BackupError('INVALID_INPUT', `${where} is ${given(choice)}.`, {
		hint: `Choose one of ${Object.keys(PRESETS).join(', ')}, custom.`,
	});
}

/**
 * The fields of Rules; a rule without limit is so, whatever its number. None that deletes a backup is refused: who forgets
 * them would find out when the storage is full.
 */
function customRules(value: unknown, where: string): KeepRules {
	const fields = objectOf(value, `Rules of ${where}`);
	const rules: KeepRules = {};
	const label = (name: string) => `${name} of ${where}`;
	for (const rule of COUNTED_RULES) {
		if (Object.hasOwn(fields, rule.name)) rules[rule.name] = numberOf(fields[rule.name], label(rule.label), COUNT);
	}
	if (Object.hasOwn(fields, 'withinDays')) {
		rules.withinDays = numberOf(fields['withinDays'], label('Keep Within Days'), COUNT);
	}
	if (Object.hasOwn(fields, 'withinFrom')) rules.withinFrom = withinFromOf(fields['withinFrom'], where);
	for (const name of splitList(fields['unlimited'], label('Without Limit'))) {
		const rule = COUNTED_RULES.find((one) => one.name === name);
		if (!rule)
			throw wrong(label('Without Limit'), name, `Choose of ${COUNTED_RULES.map((one) => one.name).join(', ')}.`);
		rules[rule.name] = 'all';
	}
	if (areEmpty(rules)) {
		const what = rules.weeklySnapshots
			? 'Weekly Snapshots alone: no backup would ever be deleted, only weekly copies.'
			: 'no rule: nothing would ever be deleted.';
		throw new BackupError('INVALID_INPUT', `${where} is Custom and has ${what}`, {
			hint: 'Add a rule, such as Keep Last. To keep everything on purpose, add Without Limit, with Keep Last in it.',
		});
	}
	return rules;
}

function withinFromOf(value: unknown, where: string): 'now' | 'newest' {
	if (value === 'now' || value === 'newest') return value;
	throw wrong(`Count Days From of ${where}`, value, 'Choose now or newest.');
}

/** @throws BackupError INVALID_INPUT for what holds no fields */
export function objectOf(value: unknown, label: string): Fields {
	if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
	throw wrong(label, value, 'Add its fields one by one, or give an object with them.');
}

export function wrong(label: string, value: unknown, hint: string): BackupError {
	return new BackupError('INVALID_INPUT', `${label} is ${given(value)}.`, { hint });
}

function given(value: unknown): string {
	return (JSON.stringify(value) ?? typeof value).slice(0, 40);
}
