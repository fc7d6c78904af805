import { BackupError } from '../../../errors';
import { statusOf } from '../../client/failure';
import { isSharded } from '../load/load';
import type { RestoreSource } from '../source';

/** A source, and how far a server may have got with it. */
export interface WatchedSource {
	source: RestoreSource;
	/**
	 * How a restore of it ended that has changed nothing: `unsent`, the server never got all of a snapshot; `refused`, it said
	 * so. Undefined where it may have changed something. (A server takes a snapshot in once it has all of it and its checksum
	 * is right.)
	 */
	harmless: (error: unknown) => 'unsent' | 'refused' | undefined;
}

/** Lets a source tell how much of it was read for a server. */
export function watchSource(source: RestoreSource): WatchedSource {
	let handedOver = 0;
	const pieces = source.pieces.map((piece) => ({
		...piece,
		open: async function* (signal?: AbortSignal) {
			let bytes = 0;
			for await (const chunk of piece.open(signal)) {
				bytes += chunk.length;
				if (bytes >= piece.size) handedOver++;
				yield chunk;
			}
		},
	}));
	const harmless = (error: unknown) => {
		if (!source.remote && handedOver === 0) return 'unsent';
		// Other shards of a cluster may have been taken in before.
		if (isSharded(source)) return undefined;
		// A cancel counts only until the last byte was sent.
		if (error instanceof BackupError && error.code === 'CANCELLED') return 'unsent';
		return isRefusal(error) ? 'refused' : undefined;
	};
	return { source: { ...source, pieces }, harmless };
}

function isRefusal(error: unknown): boolean {
	const status = statusOf(error) ?? 0;
	return status >= 400 && status < 500 && status !== 408 && status !== 499;
}
