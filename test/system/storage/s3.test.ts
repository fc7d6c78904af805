import { storageContract } from '../../integration/storage/contract';
import { s3Faults } from '../../integration/storage/s3-faults';
import { s3UnderTest } from '../../integration/storage/s3-under-test';
import { startSwift } from '../../services/s3/swift';
import { startVersityGw } from '../../services/s3/versitygw';
import { withMinio } from './minio';

storageContract('Swift', () => s3UnderTest(startSwift, { listsUploads: true }));
s3Faults('Swift', startSwift, { listsUploads: true, checksSignatures: true });

storageContract('VersityGW', () => s3UnderTest(startVersityGw, { listsUploads: true }));
s3Faults('VersityGW', startVersityGw, { listsUploads: true, checksSignatures: true });

withMinio();
