import { startS3rver } from '../../services/s3/s3rver';
import { s3Faults } from './s3-faults';

s3Faults('s3rver', startS3rver, { listsUploads: false, checksSignatures: false });
