import type { IExecuteFunctions } from 'n8n-workflow';

import { BackupError, type NumberRange, wholeNumber } from '../../engine';

import { splitList } from './lists';

/**
 * Fields as they are, not as their type says: an expression may give anything, and where what it refers to is not there,
 * undefined, null or an empty text. `label` is the name of the field in the editor, for messages.
 */

/** The fields inside a collection, by name; those that were not added are not there. */
export type Fields = Record<string, unknown>;

/** @throws BackupError INVALID_INPUT where an expression gives something else for the whole collection */
export function collectionOf(context: IExecuteFunctions, name: string, item: number, label: string): Fields {
	const value: unknown = context.getNodeParameter(name, item, {});
	if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
	throw wrong(label, value, 'Add its fields one by one, or give an object with them.');
}

/** A text; also one that is a number to an expression, such as a database's name. Empty where there is nothing. */
export function textOf(value: unknown, label: string): string {
	if (value === undefined || value === null) return '';
	if (typeof value === 'string') return value;
	if (typeof value === 'number' && Number.isFinite(value)) return String(value);
	throw wrong(label, value, 'Give a text.');
}

/** What a resource locator names, in whatever mode; empty where nothing is chosen. */
export function locatedText(context: IExecuteFunctions, name: string, item: number, label: string): string {
	return textOf(context.getNodeParameter(name, item, '', { extractValue: true }), label);
}

/** The same inside a collection, which an expression may give as a text; empty where it was not added. */
export function locatedIn(fields: Fields, name: string, label: string): string {
	const value = fields[name];
	const isLocator = typeof value === 'object' && value !== null && 'value' in value;
	return textOf(isLocator ? value.value : value, label);
}

/**
 * A number, which an expression may give as a text.
 * @throws BackupError INVALID_INPUT that names the field, for anything else and for a number out of range
 */
export function numberOf(value: unknown, label: string, range: NumberRange): number {
	const written = typeof value === 'string' && /^\s*-?\d+\s*$/.test(value);
	return wholeNumber(written ? Number(value) : value, label, range);
}

/** A number inside a collection; `unless` where it was not added. */
export function numberIn(fields: Fields, name: string, unless: number, label: string, range: NumberRange): number {
	return Object.hasOwn(fields, name) ? numberOf(fields[name], label, range) : unless;
}

/** What a number with decimals may be. */
export interface DecimalRange {
	min: number;
	max: number;
	/** What 0 stands for, where it is allowed though it is less than the least: `no limit`. */
	zero?: string;
}

/**
 * A number with decimals, which an expression may give as a text.
 * @throws BackupError INVALID_INPUT that names the field, for anything else and for a number out of range
 */
export function decimalOf(value: unknown, label: string, { min, max, zero }: DecimalRange): number {
	const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
	if (typeof number === 'number' && number >= min && number <= max) return number;
	if (number === 0 && zero !== undefined) return 0;
	const orZero = zero === undefined ? '' : `, or 0 for ${zero}`;
	throw wrong(label, value, `Give a number from ${min} to ${max}${orZero}.`);
}

/** A number with decimals inside a collection; `unless` where it was not added. */
export function decimalIn(fields: Fields, name: string, unless: number, label: string, range: DecimalRange): number {
	return Object.hasOwn(fields, name) ? decimalOf(fields[name], label, range) : unless;
}

/** A choice inside a collection, which an expression may give as a text; `unless` where it was not added. */
export function yesNoIn(fields: Fields, name: string, unless: boolean, label: string): boolean {
	if (!Object.hasOwn(fields, name)) return unless;
	const value = fields[name];
	if (value === true || value === 'true') return true;
	if (value === false || value === 'false') return false;
	throw wrong(label, value, 'Give true or false.');
}

/**
 * A list that narrows down what is done: none where the field was not added. One that was added and holds nothing is
 * refused, for without it everything would be meant.
 */
export function selectedIn(fields: Fields, name: string, label: string): string[] {
	if (!Object.hasOwn(fields, name)) return [];
	const entries = splitList(fields[name], label);
	if (entries.length > 0) return entries;
	throw new BackupError('INVALID_INPUT', `${label} is empty: without it everything would be meant.`, {
		hint: `Fill in ${label}, or take the field out of Selection. If it is an expression, look at what it gives.`,
	});
}

function wrong(label: string, value: unknown, hint: string): BackupError {
	const given = (JSON.stringify(value) ?? typeof value).slice(0, 40);
	return new BackupError('INVALID_INPUT', `${label} is ${given}.`, { hint });
}
