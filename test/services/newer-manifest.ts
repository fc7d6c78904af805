import { hash } from 'node:crypto';

import { manifestDocument, type Manifest } from '../../engine/archive';
import { canonicalJson } from '../../engine/archive/manifest/canonical';

/** The text of a manifest with what only a newer version of this package knows, and a checksum that is right. */
export function asNewer(manifest: Manifest, changes: object): string {
	const { manifestSha256: _, ...content } = { ...manifestDocument(manifest), ...changes };
	return JSON.stringify({ ...content, manifestSha256: hash('sha256', canonicalJson(content), 'hex') });
}
