// Colour maps as 33 evenly spaced sRGB stops; between stops the browser interpolates.
// viridis, cividis and magma are matplotlib's. blue-orange runs straight through CIELAB from blue over white to
// orange, so equal steps of a signed value look equally large; its middle is zero.

export const GL_STOPS = {
  "viridis":
    "440154 470d60 48186a 482374 472d7b 453781 424086 3e4989 3b528b 375b8d 33638d 2f6b8e 2c728e 297a8e " +
    "26828e 23898e 21918c 1f988b 1fa088 22a785 28ae80 32b67a 3fbc73 4ec36b 5ec962 70cf57 84d44b 98d83e " +
    "addc30 c2df23 d8e219 ece51b fde725",
  "cividis":
    "00224e 00285b 002e6a 053371 1a386f 273e6e 32436d 3b496c 434e6c 4b546c 535a6d 5a5f6e 61656f 686a71 " +
    "6f7073 767676 7d7c78 848279 8c8878 938e78 9b9476 a39a74 aba072 b4a76f bcae6c c4b468 cdbb63 d5c25e " +
    "dec958 e7d150 f0d846 f9e03a fee838",
  "magma":
    "000004 030312 0a0822 130d34 1d1147 29115a 36106b 440f76 51127c 5d177f 6a1c81 762181 832681 902a81 " +
    "9c2e7f aa337d b73779 c43c75 d0416f dc4869 e75263 ef5d5e f56b5c f9795d fc8961 fd9869 fea772 feb67c " +
    "fec488 fed395 fde2a3 fcf0b2 fcfdbf",
  "blue-orange":
    "0061ad 1769b2 3572b6 487abb 5983c0 688cc4 7695c9 849fcd 91a8d2 9eb1d7 abbbdb b8c5e0 c4cee4 d1d8e9 " +
    "dde2ed eaecf2 f6f6f6 f5ebe6 f3e0d7 f0d5c7 edcab8 eabfa9 e7b49a e3a98b de9e7c da936e d58860 cf7e52 " +
    "ca7344 c46835 bd5e27 b75317 b04801",
};
