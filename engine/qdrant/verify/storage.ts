import { z } from 'zod';

import type { Manifest } from '../../archive';
import type { CheckContext } from '../../verify/types';
import type { SnapshotReport } from '../snapshot';
import { findError, findWarning } from './findings';

/** The source in a manifest of kind `qdrant-storage`, as backUpStorage writes it. */
const storageSourceSchema = z.object({
	collections: z.array(z.string()),
	aliases: z.array(z.object({ alias: z.string(), collection: z.string() })),
	snapshot: z.object({ name: z.string(), size: z.number().int().nonnegative(), sha256: z.string() }),
});
export type StorageSource = z.infer<typeof storageSourceSchema>;

/** Reads the source from a manifest. Where the manifest lacks it, reports an error and returns undefined. */
export function storageSource({ source }: Manifest, context: CheckContext): StorageSource | undefined {
	const result = storageSourceSchema.safeParse(source);
	if (result.success) return result.data;
	const [issue] = result.error.issues;
	findError(context, '', `The manifest is not valid: source.${issue?.path.join('.')}: ${issue?.message}.`);
	return undefined;
}

/** Compares a snapshot of the whole storage with its manifest. */
export function compareStorage(context: CheckContext, report: SnapshotReport, facts: StorageSource): void {
	const found = new Set(report.collections.map(({ name }) => name));
	for (const name of facts.collections) {
		if (!found.has(name)) findError(context, name, `The collection ${name} is not in it.`);
	}
	for (const { alias, collection } of facts.aliases) {
		const behind = report.aliases[alias];
		if (behind === undefined) findError(context, 'config.json', `The alias ${alias} is not in it.`);
		else if (behind !== collection) {
			findWarning(context, 'config.json', `The alias ${alias} was moved to ${behind} while the backup was made.`);
		}
	}
	const extra = [...found].filter((name) => name !== undefined && !facts.collections.includes(name));
	if (extra.length > 0) findWarning(context, '', `It also holds what was created meanwhile: ${extra.join(', ')}.`);
}
