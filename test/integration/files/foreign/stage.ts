/** Tars of others, restored into a folder. */
import { restoreTar, type ForeignTar, type RestoreTarOptions } from '../../../../engine/files';
import { inPieces } from '../../../unit/tar/build-tar';

export function tarFrom(bytes: Uint8Array, options: Partial<ForeignTar> = {}): ForeignTar {
	return { name: 'their.tar', open: async () => await Promise.resolve(inPieces(bytes, 60_000)), ...options };
}

export async function restoreFrom(
	tar: Uint8Array | ForeignTar,
	root: string,
	options: Partial<Omit<RestoreTarOptions, 'tar' | 'root'>> = {},
) {
	const { existing = 'fail' } = options;
	return await restoreTar({
		tar: tar instanceof Uint8Array ? tarFrom(tar) : tar,
		root,
		confirmation: root,
		...options,
		existing,
	});
}
