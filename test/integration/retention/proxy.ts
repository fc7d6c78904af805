import { BackupError } from '../../../engine/errors';
import type { RemovalFailure, Storage } from '../../../engine/storage';

/** A storage whose methods may be replaced, to break one off at a moment of one's choice. */
export function intercepted(storage: Storage, methods: Partial<Storage>): Storage {
	return new Proxy(storage, {
		get(target, property) {
			const own = (methods as Record<string | symbol, unknown>)[property];
			if (own) return own;
			const value = (target as unknown as Record<string | symbol, unknown>)[property];
			return typeof value === 'function' ? (value as (...args: unknown[]) => unknown).bind(target) : value;
		},
	});
}

/** Both ways to remove objects, by one function for each key, one after another: so that a removal of many can break off. */
export function removals(remove: (key: string) => Promise<void>): Pick<Storage, 'remove' | 'removeMany'> {
	return {
		remove,
		removeMany: async (keys) => {
			const failures: RemovalFailure[] = [];
			for (const key of keys) {
				await remove(key).catch((error: unknown) => {
					if (!(error instanceof BackupError) || error.code === 'STORAGE_UNREACHABLE') throw error;
					failures.push({ key, error });
				});
			}
			return failures;
		},
	};
}
