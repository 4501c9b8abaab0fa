"""SHA-256 of the weights that torchvision offers for networks of the configuration, by the name of their file.

torchvision itself gives the first eight digits only, in the name. The rest was published by projects that use these
files.
"""

SHA256 = {
    "deeplabv3_mobilenet_v3_large-fc3c493d.pth": "fc3c493d68e89cc31ef488c803d5d7dd2f3190fb570598faa49fef69be8e5e70",
    "deeplabv3_resnet101_coco-586e9e4e.pth": "586e9e4e203fcbf17e1ad45533d8d33ab133fc762bf03101c5dd743995c08c0d",
    "deeplabv3_resnet50_coco-cd0a2569.pth": "cd0a25694c4a0f7106b38f4938bf90a874f2f241cc410b8f63c7024399538f06",
    "fcn_resnet101_coco-7ecb50ca.pth": "7ecb50ca17844860a70d5ed0c748d997cf8adb62932abaa0233430c68594d749",
    "fcn_resnet50_coco-1167a1af.pth": "1167a1affa42e1e62858f8d3fac12d109e0108327ffc91c5855a324b11683c36",
    "lraspp_mobilenet_v3_large-d234d4ea.pth": "d234d4eae9d55d5f76de18b77cf0dc62c66fe5c5482758209d00f950c92bb280",
    "mc3_18-a90a0ba3.pth": "a90a0ba35ca1242d15b77511ff28bfb29cc596988b5ea36081042f8e2f54212b",
    "mobilenet_v3_large-8738ca79.pth": "8738ca797c879b547d18bbd15da5736ff2557b2036a9af72225393ca61759a04",
    "r2plus1d_18-91a641e6.pth": "91a641e6c2ab531d1aca5f4321b4d802ec5c3babc15df855cdb6e39c6a1107c8",
    "r3d_18-b3b3357e.pth": "b3b3357ead25631ec9c57362ff2128a92d0427e01e2cd184951a44380c3f2e9d",
    "resnet101-63fe2227.pth": "63fe2227b86e8f1f2063f43a75c84d195911b6a0eace650907dd3dc62dd49a0a",
    "resnet34-b627a593.pth": "b627a593bcbe140c234610266fe4f8ae95ea42fc881d091c9b6052e6b1d0590f",
    "resnet50-0676ba61.pth": "0676ba61b6795bbe1773cffd859882e5e297624d384b6993f7c9e683e722fb8a",
}
