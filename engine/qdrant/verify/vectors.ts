/** Checks a point by its own vectors: whether they have the collection's shape, and whether searches by them find the point. */
import type { QdrantClient } from '../client/client';
import type { Json, JsonObject, PointId } from '../client/types';
import { withId, type SampledPoint } from './samples';

/** A stored vector may be rounded (half floats, bytes, normalised for cosine); it differs from itself by less than this. */
const TOLERANCE = 0.02;
const NEIGHBOURS = 10;

type Dense = number[];
interface Sparse {
	indices: number[];
	values: number[];
}

/** A vector of a point with the settings that the collection has for it. */
export interface NamedVector {
	/** Empty for the one without a name. */
	name: string;
	value: Dense | Dense[] | Sparse;
	/** Undefined for a sparse one. */
	size: number | undefined;
	distance: string | undefined;
}

/** Lists the vectors of a point. For one without settings in the collection, there is only its name, as `unknown`. */
export function vectorsOf({ vector }: SampledPoint, params: JsonObject): (NamedVector | { unknown: string })[] {
	const settings = (params['vectors'] ?? {}) as JsonObject;
	const isSingle = typeof settings['size'] === 'number';
	const dense = isSingle ? { '': settings } : settings;
	const sparse = (params['sparse_vectors'] ?? {}) as JsonObject;
	const values = Array.isArray(vector) ? { '': vector } : (vector as Record<string, Json>);
	return Object.entries(values).map(([name, value]) => {
		const { size, distance } = (dense[name] ?? {}) as { size?: number; distance?: string };
		if (size === undefined && !(name in sparse)) return { unknown: name };
		return { name, value: value as unknown as NamedVector['value'], size, distance };
	});
}

/** Says what is wrong with a vector's shape; undefined where it agrees with the settings. */
export function shapeProblem({ value, size }: NamedVector): string | undefined {
	if (size === undefined) {
		const { indices = [], values = [] } = value as Partial<Sparse>;
		if (indices.length !== values.length) return `has ${indices.length} indices for ${values.length} values`;
		return areNumbers(values) ? undefined : 'holds what is no number';
	}
	for (const row of rows(value)) {
		if (!Array.isArray(row) || row.length !== size) return `has ${row?.length} dimensions instead of ${size}`;
		if (!areNumbers(row)) return 'holds what is no number';
	}
	return undefined;
}

function rows(value: NamedVector['value']): Dense[] {
	return Array.isArray(value?.[0 as never]) ? (value as Dense[]) : [value as Dense];
}

function areNumbers(values: unknown[]): boolean {
	return values.every((value) => typeof value === 'number' && Number.isFinite(value));
}

/** Whether a search by this vector can find anything: an empty or a zero vector is similar to none. */
function isSearchable({ value, size }: NamedVector): boolean {
	const values = size === undefined ? (value as Sparse).values : rows(value).flat();
	return values.some((number) => number !== 0);
}

/** The score of a vector compared with itself; undefined where the score depends on other vectors, too. */
export function identityScore({ value, size, distance }: NamedVector): number | undefined {
	if (size === undefined || Array.isArray((value as unknown[])[0])) return undefined;
	if (distance === 'Cosine') return 1;
	return distance === 'Dot' ? (value as Dense).reduce((sum, number) => sum + number * number, 0) : 0;
}

/** `lost`: the point is not found by its own vector. `unlike`: it is found, but its score is that of another vector. */
export type SelfSearch = 'found' | 'lost' | 'unlike' | 'skipped';

/** Lets the server compare a point with the point's own vector. */
export async function searchItself(
	client: QdrantClient,
	collection: string,
	id: PointId,
	vector: NamedVector,
	signal?: AbortSignal,
): Promise<SelfSearch> {
	if (!isSearchable(vector)) return 'skipped';
	const query = { ...queryOf(vector), filter: { must: [withId(id)] }, limit: 1, params: exactly() };
	const [found] = await client.search(collection, query, signal);
	if (found?.id !== id) return vector.size === undefined ? 'skipped' : 'lost';
	const expected = identityScore(vector);
	if (expected === undefined) return 'found';
	const scale = Math.max(Math.abs(expected), vector.distance === 'Cosine' ? 1 : norm(vector.value as Dense));
	return Math.abs(found.score - expected) <= TOLERANCE * scale + 1e-6 ? 'found' : 'unlike';
}

/** Whether an ordinary search through the index by a point's vector finds the point, or one that is as near. */
export async function isAmongNeighbours(
	client: QdrantClient,
	collection: string,
	id: PointId,
	vector: NamedVector,
	signal?: AbortSignal,
): Promise<boolean | undefined> {
	// With the dot product, a longer vector is nearer than the point itself.
	const expected = identityScore(vector);
	if (expected === undefined || vector.distance === 'Dot' || !isSearchable(vector)) return undefined;
	const found = await client.search(collection, { ...queryOf(vector), limit: NEIGHBOURS }, signal);
	const scale = vector.distance === 'Cosine' ? 1 : norm(vector.value as Dense);
	return found.some((point) => point.id === id || Math.abs(point.score - expected) <= TOLERANCE * scale);
}

function queryOf({ name, value }: NamedVector): JsonObject {
	return { query: value as unknown as Json, ...(name !== '' && { using: name }) };
}

function exactly(): JsonObject {
	return { quantization: { ignore: true } };
}

function norm(values: Dense): number {
	return Math.sqrt(values.reduce((sum, number) => sum + number * number, 0));
}
