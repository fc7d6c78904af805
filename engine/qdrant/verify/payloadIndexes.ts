import type { Json, JsonObject } from '../client/types';
import type { SampledPoint } from './samples';

/** Common paths: `city`, `address.city`, `lines[].price`. Fields with names in quotes are not tried. */
const PATH = /^[^.[\]"]+(?:\[\])?(?:\.[^.[\]"]+(?:\[\])?)*$/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const METRES = 1;

/**
 * Makes a condition on an indexed field that the point meets. Undefined where the point has no value of the index's type in that
 * field, and for full-text indexes: only the server knows into which words it splits a text.
 */
export function conditionOf(field: string, schema: JsonObject, { payload }: SampledPoint): JsonObject | undefined {
	if (!PATH.test(field)) return undefined;
	for (const value of valuesAt(payload, field.split('.'))) {
		const condition = conditionFor(schema, value);
		if (condition) return { key: field, ...condition };
	}
	return undefined;
}

function* valuesAt(value: Json | undefined, [step, ...rest]: string[]): Generator<Json> {
	if (value === undefined) return;
	if (step === undefined) {
		// Qdrant indexes each value of a list.
		if (Array.isArray(value)) yield* value;
		else yield value;
		return;
	}
	if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
	const isList = step.endsWith('[]');
	const inner = value[isList ? step.slice(0, -2) : step];
	if (!isList) yield* valuesAt(inner, rest);
	else if (Array.isArray(inner)) for (const element of inner) yield* valuesAt(element, rest);
}

function conditionFor({ data_type: type, params }: JsonObject, value: Json): JsonObject | undefined {
	const isText = typeof value === 'string';
	switch (type) {
		case 'keyword':
			return isText ? { match: { value } } : undefined;
		case 'uuid':
			return isText && UUID.test(value) ? { match: { value } } : undefined;
		case 'integer':
			if (!Number.isSafeInteger(value)) return undefined;
			// An index is for single values, for ranges, or for both.
			return hasLookup(params) ? { match: { value } } : { range: { gte: value, lte: value } };
		case 'float':
			return typeof value === 'number' ? { range: { gte: value, lte: value } } : undefined;
		case 'bool':
			return typeof value === 'boolean' ? { match: { value } } : undefined;
		case 'datetime':
			return isText && !Number.isNaN(Date.parse(value)) ? { range: { gte: value, lte: value } } : undefined;
		case 'geo':
			return isPlace(value) ? { geo_radius: { center: value, radius: METRES } } : undefined;
		default:
			return undefined;
	}
}

function hasLookup(params: Json | undefined): boolean {
	return (params as { lookup?: boolean } | null | undefined)?.lookup !== false;
}

function isPlace(value: Json): value is { lon: number; lat: number } {
	const { lon, lat } = (value ?? {}) as { lon?: unknown; lat?: unknown };
	return typeof lon === 'number' && typeof lat === 'number' && Object.keys(value as object).length === 2;
}
