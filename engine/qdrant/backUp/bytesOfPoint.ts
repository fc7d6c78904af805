import type { Json, JsonObject } from '../client/types';

/** For the payload and sparse vectors, which a collection's settings say nothing of. */
const PAYLOAD_BYTES = 4096;

/** Of a vector: 32-bit numbers, and as much again for the index and quantized copies. */
const BYTES_OF_NUMBER = 2 * 4;

/**
 * About how many bytes of a snapshot a point takes up, rather too many than too few.
 * @param params of the collection: `vectors` holds one vector's settings, or those of several by name
 */
export function bytesOfPoint({ vectors }: JsonObject): number {
	if (!isObject(vectors)) return PAYLOAD_BYTES;
	const single = sizeIn(vectors);
	const sizes = single === undefined ? Object.values(vectors).map((vector) => sizeIn(vector) ?? 0) : [single];
	return PAYLOAD_BYTES + BYTES_OF_NUMBER * sizes.reduce((sum, size) => sum + size, 0);
}

function sizeIn(vector: Json): number | undefined {
	return isObject(vector) && typeof vector['size'] === 'number' ? vector['size'] : undefined;
}

function isObject(value: Json | undefined): value is JsonObject {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}
