import type { Manifest } from '../manifest/manifest';

/** How something is encrypted, as a text that is the same where the same keys open it, as far as manifests say. */
export function encryptionForm(encryption: Manifest['encryption']): string {
	return JSON.stringify(encryption && [encryption.passphrase, [...encryption.recipients].sort()]);
}
