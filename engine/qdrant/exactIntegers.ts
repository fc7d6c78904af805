/** JSON as it is to be sent, byte for byte: ECMAScript's JSON.rawJSON, which Node has from version 21 on. */
const { rawJSON } = JSON as unknown as { rawJSON: (text: string) => unknown };

/**
 * A value for a request of Qdrant's client, in which BigInts are sent as the integers that they are. The client does so by
 * itself, but not where BigInts have a `toJSON`, which comes before anything that it can do: n8n gives them one, by which
 * they become texts, and Qdrant takes no text for a number.
 */
export function exactIntegers<T>(value: T): T {
	if (typeof value === 'bigint') return rawJSON(String(value)) as T;
	if (Array.isArray(value)) return value.map(exactIntegers) as T;
	if (typeof value !== 'object' || value === null) return value;
	return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, exactIntegers(inner as unknown)])) as T;
}
