import { isObject } from '../workflow';

/** A difference between two values: where it stands, `parameters.options.timeout`, and what stands there. */
export interface Difference {
	path: string;
	/** Undefined where there is nothing. */
	before: unknown;
	after: unknown;
}

export interface Differences {
	/** The first of them. */
	told: Difference[];
	/** How many there are besides those. */
	more: number;
}

/** Differences of one pair that are told one by one. */
const MOST = 200;

/**
 * Where two values of JSON differ. Objects are compared by their members, lists by their places; what is undefined, null or an
 * empty object is the same as nothing, for n8n writes now one and now the other.
 */
export function differences(before: unknown, after: unknown, path: string): Differences {
	const found: Differences = { told: [], more: 0 };
	compare(before, after, path, found);
	return found;
}

function compare(before: unknown, after: unknown, path: string, found: Differences): void {
	if (before === after || (isNothing(before) && isNothing(after))) return;
	if (isObject(before) && isObject(after)) {
		for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
			compare(own(before, name), own(after, name), path === '' ? name : `${path}.${name}`, found);
		}
		return;
	}
	if (Array.isArray(before) && Array.isArray(after)) {
		for (let index = 0; index < Math.max(before.length, after.length); index++) {
			compare(before[index], after[index], `${path}[${index}]`, found);
		}
		return;
	}
	if (found.told.length < MOST) found.told.push({ path, before, after });
	else found.more++;
}

function own(value: object, name: string): unknown {
	return Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
}

export function isNothing(value: unknown): boolean {
	return value === undefined || value === null || (isObject(value) && Object.values(value).every(isNothing));
}
