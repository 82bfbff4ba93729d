/* Made with python3-cryptography (RSA 2048, P-256); claims as in jwt_test.c. */
#pragma once

#define KEYS                                                                                                           \
    "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"r1\",\"n\":\"mQwzUJ9v_IYLu5TEEWfxLrfQsE9Zg5zC7LDA0KEO3CNEGQAT1jn-"          \
    "WNDSuOExPU"                                                                                                       \
    "R0LYxaQO2a3kvSBF5keqW7NS5cbhXjvX0pfY_0DuxqGH1hfSCjPl04A4yF3mDU4zehp9sZtveNa7iM3op9ahYnB2WzWrFZj1dT1j"             \
    "aCf3JxGgkDK9XugZn9xCXNhBgFcmxz_k8dcctnmyjk3hhw11RA6YpW8e0__0-qJ3DkV_Tg4LI3uI29BGeWET483_JZBbGrPZad7Z"             \
    "NrCk14C0mzJdVhQUycrOUw8G1jut4bKoefvAjdqFa4pTrDoLoogcID0EwutLPkXO6_g0X9CT_ikmyvLQ\",\"e\":\"AQAB\"},{\"kty\""      \
    ":\"EC\",\"kid\":\"e1\",\"crv\":\"P-256\",\"x\":\"A3Y_5C_pNFmuFGSj0-H0vO9XSo8udyLMXUEmqDdCSiM\",\"y\":"            \
    "\"YVr123WrockP9b"                                                                                                 \
    "r5cehFKirhvJehoFUmCAOZYmWGPLA\"}]}"
#define RSA_TOKEN                                                                                                      \
    "eyJhbGciOiJSUzI1NiIsImtpZCI6InIxIn0.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUuY29tIiwic3ViIjoic3lzdGVtOnNl"             \
    "cnZpY2VhY2NvdW50OmRlZmF1bHQ6YXBwIiwiYXVkIjpbInN0cy5hbWF6b25hd3MuY29tIiwieCJdLCJleHAiOjIwMDAwMDAwMDAs"             \
    "Im5iZiI6MTcwMDAwMDAwMH0.FAwUODykgEbSSMDKW_X7bmZmh5VY3pxhCJple67W6AXQ25FZteGe03aBeo1TRx_Vd8FA51dtuLBe"             \
    "5ch7h3jsqMQ3i07lvEF5vG_qQ_7CrLkZbSGoIPxQPsH9_cbcqTC13DLCBjh_eOO9hxi5aoPjHky0LSy0Z2He5vtuIP0khJYm5G7V"             \
    "eJ_sLa9GvaJyxJuvECQWbq5s3kWynnG6_4GlI2cZIvPlI_fLSu6tC7Qo1-ifFNnIg3avf0LxaJXXMTQeJHCgLlD-1MzLsWudVcmP"             \
    "s2X20k7vzBUqk-3iavAg5eKEN0o527ZG4jWMQFDNw7Vi5ZIRpDDqhZucSzLuCCNKcg"
#define EC_TOKEN                                                                                                       \
    "eyJhbGciOiJFUzI1NiIsImtpZCI6ImUxIn0.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUuY29tIiwic3ViIjoic3lzdGVtOnNl"             \
    "cnZpY2VhY2NvdW50OmRlZmF1bHQ6YXBwIiwiYXVkIjpbInN0cy5hbWF6b25hd3MuY29tIiwieCJdLCJleHAiOjIwMDAwMDAwMDAs"             \
    "Im5iZiI6MTcwMDAwMDAwMH0.q0aF_g2NC1l5GvOBDrr0npXzM1gp_pydAg8En2EXjuCUYgttWx5iwusIE5JfHutk4esGkznUdc7I"             \
    "OTF-RfzB9A"
#define NAMELESS_TOKEN                                                                                                 \
    "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUuY29tIiwic3ViIjoic3lzdGVtOnNlcnZpY2VhY2NvdW5"             \
    "0OmRlZmF1bHQ6YXBwIiwiYXVkIjpbInN0cy5hbWF6b25hd3MuY29tIiwieCJdLCJleHAiOjIwMDAwMDAwMDAsIm5iZiI6MTcwMDA"             \
    "wMDAwMH0.A_NEsa9F3cOPOka7McWHqgcqnQolvv6IsMGRJ88GVaLEU8wg3SIJKVzbrRDhicTeVyblT9I84oMYbwNK9Oepr3HKzBz"             \
    "c0IHlo9Y0xrI7FKfSQI7OSSooL6FSXAG2QowZXqrgzUu7Hp3oxepWl8L9meBrY_486tLu3aJZMd66n3FEsB6Hz33YJBfOWY7COec"             \
    "2FhVWZ7z-iisRW5SEyrRv3DrO0MmYN56qLQcHmFEwPqBIMIYa8ijlo3_5yMNrZn_u6ppsnCFsHsmpC3plVnA9bFXfRR3zadspBnl"             \
    "Vlomgt2lWezntgAX-oR44jNejv4MwLJ4Fxs-MDU4Kz7x0zt81Eg"
#define NONE_TOKEN                                                                                                     \
    "eyJhbGciOiJub25lIiwia2lkIjoicjEifQ.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUuY29tIiwic3ViIjoic3lzdGVtOnNlc"             \
    "nZpY2VhY2NvdW50OmRlZmF1bHQ6YXBwIiwiYXVkIjpbInN0cy5hbWF6b25hd3MuY29tIiwieCJdLCJleHAiOjIwMDAwMDAwMDAsI"             \
    "m5iZiI6MTcwMDAwMDAwMH0."
#define OTHER_TOKEN                                                                                                    \
    "eyJhbGciOiJSUzI1NiIsImtpZCI6InIyIn0.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUuY29tIiwic3ViIjoic3lzdGVtOnNl"             \
    "cnZpY2VhY2NvdW50OmRlZmF1bHQ6YXBwIiwiYXVkIjpbInN0cy5hbWF6b25hd3MuY29tIiwieCJdLCJleHAiOjIwMDAwMDAwMDAs"             \
    "Im5iZiI6MTcwMDAwMDAwMH0.OvddMRTeIjq6k6x4QQRMd5uQT5ZxIqgFHsGaz4MBf2t6HJilWn2UbAXeDShSAMrVJLzh7uaYL2DJ"             \
    "hU08mtFkCFwqnOq2uomOI5Vy3dj5No4uCXQIiCPa7kOJQ6w7ZkDXxQqSq24xleu0jaib4OuGr0Z4hweNJpodY2baHjZQTTBWbOeD"             \
    "e4KjAmZ40Nstt3GpKjmScREfV7eDul_hwnwvD3QZS_ER-wsPjszjJJDPaE5Ua-wQubvGEe-69bt6QGLeWhLaXFFGW4LcprtDHZnA"             \
    "bY4d_gj2NI8fXJO0W9VHIGPBSWNHkgAaItyImtEv_v8HV1L22tfroMhOzjQu5_YCDA"
