import type { JsonObject } from '../../client/types';
import { withoutRecords } from '../../artifacts/metadata';
import type { CollectionShape } from '../source';

/**
 * The body of `PUT /collections/<name>` for a collection like the one that was backed up. What an answer calls
 * `optimizer_config` the request calls `optimizers_config`; nulls are left out, since they mean the server's defaults.
 */
export function creationSettings({ config, shards }: CollectionShape): JsonObject {
	const {
		params,
		optimizer_config: optimizers,
		...others
	} = config as Record<string, JsonObject> & { params: JsonObject };
	const settings: JsonObject = { ...params, ...others, ...(optimizers && { optimizers_config: optimizers }) };
	// With user-defined sharding the number is that of each key, and the keys are made one by one.
	if (params['sharding_method'] === 'custom') {
		const [first] = shards;
		settings['shard_number'] = shards.filter(({ key }) => key === first?.key).length || 1;
	}
	// What was backed up, or is copied, may have been left by a restore that was cut off.
	if (settings['metadata']) settings['metadata'] = withoutRecords(settings['metadata'] as JsonObject);
	return withoutNulls(settings);
}

function withoutNulls(settings: JsonObject): JsonObject {
	return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== null));
}

/** The keys of user-defined sharding in the order in which their shards were numbered, with their numbers of shards. */
export function shardKeys({ shards }: CollectionShape): { key: string | number; count: number }[] {
	const keys: { key: string | number; count: number }[] = [];
	for (const { key } of [...shards].sort((a, b) => a.id - b.id)) {
		if (key === undefined) continue;
		const known = keys.find((entry) => entry.key === key);
		if (known) known.count++;
		else keys.push({ key, count: 1 });
	}
	return keys;
}

/** A payload index as `PUT /collections/<name>/index` takes it. */
export function indexSchema(schema: Record<string, unknown>): JsonObject | string {
	const { params, data_type: type } = schema as { params?: JsonObject; data_type: string };
	return params ? { ...params, type: params['type'] ?? type } : type;
}
