import { expect, it } from 'vitest';

import type { CollectionSource } from '../../../../../engine/qdrant';
import { covers } from '../../../../../engine/qdrant/restore/check';
import { bare } from '../../../../../engine/qdrant/restore/compatibility';
import { creationSettings, indexSchema, shardKeys } from '../../../../../engine/qdrant/restore/load/settings';
import { serverMessage } from '../../../../../engine/qdrant/client/answer';

const source = (config: object, shards: object[] = []) => ({ config, shards }) as unknown as CollectionSource;

it('creates a collection by the names that requests use, without nulls', () => {
	const config = {
		params: { vectors: { size: 4, distance: 'Dot' }, shard_number: 3, read_fan_out_factor: null },
		hnsw_config: { m: 4 },
		optimizer_config: { indexing_threshold: 5 },
		quantization_config: null,
	};
	expect(creationSettings(source(config))).toEqual({
		vectors: { size: 4, distance: 'Dot' },
		shard_number: 3,
		hnsw_config: { m: 4 },
		optimizers_config: { indexing_threshold: 5 },
	});
});

it('makes shard keys in the order of their shards', () => {
	const shards = [
		{ id: 2, key: 'a' },
		{ id: 0, key: 7 },
		{ id: 1, key: 'a' },
	];
	expect(shardKeys(source({ params: {} }, shards))).toEqual([
		{ key: 7, count: 1 },
		{ key: 'a', count: 2 },
	]);
});

it('describes indexes as requests do', () => {
	expect(indexSchema({ data_type: 'integer', points: 5 })).toBe('integer');
	expect(indexSchema({ data_type: 'text', params: { tokenizer: 'word' } })).toEqual({
		type: 'text',
		tokenizer: 'word',
	});
});

it('takes unset settings for equal, and lets a newer server have more', () => {
	expect(bare({ a: null, b: {}, c: [{ d: null, e: 1 }] })).toEqual({ c: [{ e: 1 }] });
	expect(covers({ a: 1, more: 2 }, { a: 1 })).toBe(true);
	expect(covers({ a: 1 }, { a: 2 })).toBe(false);
	expect(covers(undefined, { a: 1 })).toBe(false);
	expect(covers({ a: 1 }, undefined)).toBe(true);
});

it("shows the server's own words, and no web pages", () => {
	expect(serverMessage(400, '{"status":{"error":"Wrong input"},"time":0}')).toBe('Wrong input');
	expect(serverMessage(401, 'Invalid API key or JWT')).toBe('Invalid API key or JWT');
	expect(serverMessage(502, '<html>Bad gateway</html>')).toBe('the answer had the status 502');
	expect(serverMessage(500, 'x'.repeat(9999))).toHaveLength(503);
});
