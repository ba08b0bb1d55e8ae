import { testRealServers } from '../support/e2e/real-servers.ts';

testRealServers('sqlite');
