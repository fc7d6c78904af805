import type { Listed, Place } from '../../../../engine/minio/mirror/place';

const PAGE = 1000;

/** A bucket of very many objects, of which only the listing is real. */
export function simulated(
	identity: string,
	objects: number,
	files = new Map<string, Buffer>(),
): Place & { copied: number; objects: number } {
	const listed = (index: number): Listed => ({
		name: `documents/${String(index).padStart(9, '0')}/a name that is as long as names are.pdf`,
		size: 1000,
		version: `etag-of-object-${index} 1700000000`,
		writtenVersion: `etag-of-object-${index}`,
		modified: 1_700_000_000_000_000_000n,
	});
	const place = {
		description: identity,
		server: 'server',
		identity,
		copied: 0,
		objects,
		async *list() {
			for (let index = 0; index < place.objects; index += PAGE) {
				// As pages come from a server: later.
				await new Promise((resolve) => setImmediate(resolve));
				yield Array.from({ length: Math.min(PAGE, place.objects - index) }, (_, at) => listed(index + at));
			}
		},
		refuses: () => undefined,
		ask: () => Promise.resolve(undefined),
		open: () => Promise.resolve(undefined),
		write: () => Promise.reject(new Error('not written')),
		copyFrom: (_source: Place, { writtenVersion }: Listed) => {
			place.copied++;
			return new Promise<string>((resolve) => setImmediate(() => resolve(writtenVersion)));
		},
		memoryFor: (size: number) => size,
		isCopy: () => Promise.resolve(false),
		keepsVersions: () => Promise.resolve(true),
		move: () => Promise.resolve(),
		remove: (name: string) => {
			files.delete(name);
			return Promise.resolve();
		},
		own: {
			async *list(beginning: string) {
				const names = await Promise.resolve([...files.keys()].sort());
				for (const name of names) if (name.startsWith(beginning)) yield { name, modifiedAt: new Date() };
			},
			read: (name: string) => Promise.resolve(files.get(name)),
			write: (name: string, content: Buffer) => {
				files.set(name, content);
				return Promise.resolve();
			},
			create: (name: string, content: Buffer) => {
				const isNew = !files.has(name);
				if (isNew) files.set(name, content);
				return Promise.resolve(isNew);
			},
		},
		warnings: () => [],
		close: () => {},
	};
	return place;
}
