/** A place that misbehaves on demand: what real servers do only when they are broken. */
import type { Listed, Place } from '../../../../engine/minio/mirror/place';

export interface Faults {
	/** Changes what the listing gives. */
	list?: (listing: AsyncIterable<Listed>) => AsyncIterable<Listed>;
	/** Called before each use, with its name: may throw, or hold it up. */
	before?: (what: string, name: string) => void | Promise<void>;
	/** Listed keys that answer 404 to everything. */
	missing?: (name: string) => boolean;
}

const USES = ['ask', 'open', 'write', 'copyFrom', 'isCopy', 'move', 'remove'];

async function* flat(pages: AsyncIterable<Iterable<Listed>>): AsyncGenerator<Listed> {
	for await (const page of pages) yield* page;
}

async function* paged(listing: AsyncIterable<Listed>): AsyncGenerator<Listed[]> {
	for await (const listed of listing) yield [listed];
}

export function broken<T extends Place>(place: T, faults: Faults): T {
	const nameOf = (subject: unknown): string => {
		if (typeof subject === 'string') return subject;
		const { name, facts } = subject as { name?: string; facts?: Listed };
		return name ?? facts?.name ?? '';
	};
	return new Proxy(place, {
		get(target, key) {
			const value: unknown = Reflect.get(target, key, target);
			if (key === 'list' && faults.list) return (signal: AbortSignal) => paged(faults.list!(flat(target.list(signal))));
			if (key === 'own') {
				return {
					...target.own,
					write: async (name: string, content: Buffer, signal: AbortSignal) => {
						await faults.before?.('own.write', name);
						await target.own.write(name, content, signal);
					},
				};
			}
			if (typeof value !== 'function') return value;
			return (...given: unknown[]) => {
				if (USES.includes(String(key))) {
					const name = nameOf(given[key === 'copyFrom' ? 1 : 0]);
					const held = faults.before?.(String(key), name);
					if (held) return held.then(() => (value as (...all: unknown[]) => unknown).apply(target, given));
					if (faults.missing?.(name) && ['ask', 'open'].includes(String(key))) return Promise.resolve(undefined);
				}
				return (value as (...all: unknown[]) => unknown).apply(target, given);
			};
		},
	});
}
