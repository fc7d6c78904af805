import { ObjectChanged, type OpenObject } from './place';

/** The bytes, as many as there should be, and an error at their end where the object was changed meanwhile. */
export async function* confirmed(object: OpenObject, bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
	let length = 0;
	for await (const chunk of bytes) {
		length += chunk.length;
		if (length > object.facts.size) throw new ObjectChanged();
		if (length < object.facts.size) {
			yield chunk;
			continue;
		}
		// Before the last byte goes out: what is stored then is there.
		await object.confirm();
		yield chunk;
	}
	if (length < object.facts.size) throw new ObjectChanged();
	if (object.facts.size === 0) await object.confirm();
}
