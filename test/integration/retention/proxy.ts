import type { Storage } from '../../../engine/storage';

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
