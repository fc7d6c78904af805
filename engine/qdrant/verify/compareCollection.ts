import { isDeepStrictEqual } from 'node:util';

import type { CheckContext } from '../../verify/types';
import type { CollectionSource } from '../manifestSource';
import { bare } from '../restore/compatibility';
import type { CollectionContent } from '../snapshot';
import { findError, findWarning } from './findings';

const FIXED = ['size', 'distance', 'multivector_config', 'datatype'];

/** Compares a collection's snapshot with what the manifest tells of the collection. */
export function compareCollection(context: CheckContext, content: CollectionContent, facts: CollectionSource): void {
	const { config, payloadSchema } = content;
	if (config) compareConfig(context, config, facts);
	if (payloadSchema) compareIndexes(context, payloadSchema, facts);
	compareShards(context, content, facts);
}

/** Compares settings. Those that can change at any time may have changed after the manifest's facts were read: they only warn. */
export function compareConfig(context: CheckContext, found: object, { config: told }: CollectionSource): void {
	const { params, ...others } = found as { params: Record<string, unknown> } & Record<string, unknown>;
	const [is, was] = [fixedSettings(params), fixedSettings(told.params)];
	if (!isSameShape(is, was)) {
		const message = `Its vectors or shards are those of another collection: ${JSON.stringify(is)}, the manifest tells ${JSON.stringify(was)}.`;
		findError(context, 'config.json', message);
		return;
	}
	const changed = Object.keys(told).filter((name) => {
		const [now, then] = name === 'params' ? [changeable(params), changeable(told.params)] : [others[name], told[name]];
		// A server reports some settings, such as its own limits, that it does not store in a snapshot.
		return bare(now) !== undefined && bare(then) !== undefined && !agree(bare(now), bare(then));
	});
	if (changed.length === 0) return;
	findWarning(context, 'config.json', `Settings were changed while the backup was made: ${changed.join(', ')}.`);
}

/** With shard keys, each key has its own number of shards. The setting is only the default for a new key, so it is left out. */
function changeable({ shard_number: number, ...others }: Record<string, unknown>): Record<string, unknown> {
	void number;
	return others;
}

/** The settings of a collection that never change. */
interface Shape {
	/** By name; the one without a name is called by the empty string. */
	vectors: Record<string, unknown>;
	sparse: string[];
	sharding: unknown;
}

function fixedSettings(params: Record<string, unknown>): Shape {
	const vectors = (params['vectors'] ?? {}) as Record<string, unknown>;
	const named = typeof vectors['size'] === 'number' ? { '': vectors } : (vectors as Record<string, object>);
	const fixed = Object.entries(named).map(([name, vector]) => [name, bare(pick(vector, FIXED))] as const);
	const isKeyed = params['sharding_method'] === 'custom';
	return {
		vectors: Object.fromEntries(fixed),
		sparse: Object.keys(params['sparse_vectors'] ?? {}).sort(),
		sharding: isKeyed ? 'custom' : params['shard_number'],
	};
}

/** A later version may report more settings of a vector, such as a data type that was the only one before. */
function isSameShape(is: Shape, was: Shape): boolean {
	const isSame = (part: (shape: Shape) => unknown) => isDeepStrictEqual(part(is), part(was));
	const areSame = isSame(({ vectors }) => Object.keys(vectors).sort()) && isSame(({ sparse }) => sparse);
	return areSame && isSame(({ sharding }) => sharding) && agree(is.vectors, was.vectors);
}

function pick(from: object, names: string[]): Record<string, unknown> {
	return Object.fromEntries(Object.entries(from).filter(([name]) => names.includes(name)));
}

/** Whether two settings are the same in the members that both have. */
function agree(one: unknown, other: unknown): boolean {
	if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return one === other;
	const [a, b] = [one as Record<string, unknown>, other as Record<string, unknown>];
	return Object.keys(a).every((name) => !(name in b) || agree(a[name], b[name]));
}

function compareIndexes(
	context: CheckContext,
	found: Record<string, unknown>,
	{ payloadSchema }: CollectionSource,
): void {
	for (const field of Object.keys(payloadSchema)) {
		if (!(field in found)) findError(context, 'payload_index.json', `The payload index ${field} is not in it.`);
	}
	const extra = Object.keys(found).filter((field) => !(field in payloadSchema));
	if (extra.length === 0) return;
	findWarning(context, 'payload_index.json', `It holds payload indexes that were made meanwhile: ${extra.join(', ')}.`);
}

function compareShards(context: CheckContext, { shards, shardKeys }: CollectionContent, facts: CollectionSource): void {
	for (const { id, key } of facts.shards) {
		const shard = shards.find((found) => found.id === id);
		const isKeyed = key === undefined || shardKeys.some((found) => found.key === key && found.shardIds.includes(id));
		if (!shard) findError(context, `${id}`, `Shard ${id} is not in it.`);
		else if (!shard.isLocal) findError(context, `${id}`, `The points of shard ${id} are not in it.`);
		else if (!isKeyed) findError(context, `${id}`, `Shard ${id} does not belong to the shard key ${key}.`);
	}
}
