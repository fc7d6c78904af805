import type { ForeignFiles } from '../../shared/descriptions/held';

/** Tars that other programs made, as Restore and List Entries read them. */
export const FOREIGN_TARS: ForeignFiles = {
	binary: 'An archive of Back Up, or a tar of any program, that another node put out, such as a download',
	withoutManifest: 'Without it the file is taken as a tar that another program made.',
	source: {
		name: 'Tar File in Backup Storage',
		value: 'tarFile',
		description: 'A .tar, .tar.gz or .tar.zst that another program made, in a folder or an S3 bucket',
	},
	field: {
		name: 'tarFile',
		description:
			'A tar of any program; as it is, or compressed by gzip or zstd, or encrypted by gpg. The content decides, not the name.',
		placeholder: 'e.g. uploads/website.tar.gz',
	},
};
