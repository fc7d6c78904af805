import { BackupError } from '../../engine';

/** A choice of a drop-down, which an expression may have given. @throws BackupError INVALID_INPUT that names the field */
export function oneOf<T extends string>(value: unknown, choices: readonly T[], label: string): T {
	const found = choices.find((choice) => choice === value);
	if (found !== undefined) return found;
	const given = (JSON.stringify(value) ?? typeof value).slice(0, 40);
	throw new BackupError('INVALID_INPUT', `${label} is ${given}.`, { hint: `Give one of ${choices.join(', ')}.` });
}
